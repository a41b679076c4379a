"""The offline provider as a hostile one: limits, faults, clients that leave, and how it starts and stops."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from typing import Any

import groq
import httpx
import pytest

from benchkit.errors import ProviderError, UsageError
from benchkit.offline import OfflineServer, serve

from .test_offline import CASES, body, post, sdk


def test_limits_refuse_with_headers_and_body() -> None:
    """The third request of two a minute is a 429 with Retry-After; each model has its own limit."""
    own = {"offline/twin": {"rpm": 1, "rpd": 5, "tpm": 9000}}
    with OfflineServer(latency_ms=0, rpm=2, limits=own, clock=lambda: 0.0) as server:
        replies = [post(server, body(seed=seed)) for seed in range(3)]
        assert replies[2].status_code == 429
        assert replies[2].headers["retry-after"] == "30"
        assert "requests per minute (RPM): Limit 2" in replies[2].json()["error"]["message"]
        twin = [post(server, body(model="offline/twin")) for _ in range(2)]
        assert [reply.status_code == 429 for reply in twin] == [False, True]
        assert twin[1].headers["x-ratelimit-limit-requests"] == "5"
        assert "x-ratelimit-limit-requests" not in replies[2].headers
        assert server.counts["refused_429"] == server.counts["refused_429:offline/steady"] + 1 == 2


def test_retry_after_can_have_fractions() -> None:
    """Whole seconds by default; milliseconds when asked for."""
    with OfflineServer(
        latency_ms=0, rpm=60, burst=1, fractional_retry_after=True, clock=lambda: 0.0
    ) as server:
        assert [post(server, body()).headers.get("retry-after") for _ in range(2)] == [None, "1.000"]


@pytest.mark.parametrize(
    ("fault", "raised", "status"),
    [
        ("498", groq.APIStatusError, 498),
        ("500", groq.InternalServerError, 500),
        ("502", groq.InternalServerError, 502),
        ("503", groq.InternalServerError, 503),
        ("503_text", groq.InternalServerError, 503),
        ("tool_use_failed", groq.BadRequestError, 400),
        ("reset", groq.APIConnectionError, None),
        ("hang", groq.APITimeoutError, None),
        ("truncated", json.JSONDecodeError, None),
        ("garbled", (json.JSONDecodeError, UnicodeDecodeError), None),
    ],
)
def test_faults_reach_the_sdk_as_on_groq(fault: str, raised: Any, status: int | None) -> None:
    """Each fault as the exception that the SDK makes of it; none is counted as served."""
    with OfflineServer(latency_ms=0, faults={fault: 1.0}, hang_s=5) as server:
        with pytest.raises(raised) as failed:
            sdk(server, timeout=0.5).chat.completions.create(**body())
        assert getattr(failed.value, "status_code", None) == status
        assert server.counts["served"] == 0


def test_a_wrong_content_type_is_no_completion() -> None:
    """A page instead of JSON: the SDK hands back its text, not a completion."""
    with OfflineServer(latency_ms=0, faults={"content_type": 1.0}) as server:
        assert isinstance(sdk(server).chat.completions.create(**body()), str)


async def test_a_slow_server_works_on_some_at_a_time() -> None:
    """Two at a time of six take three times as long as one, and the wait stands in queue_time."""
    async with httpx.AsyncClient(timeout=10) as client:
        with OfflineServer(latency_ms=60, at_once=2) as server:
            url, key = f"{server.url}/openai/v1/chat/completions", {"Authorization": "Bearer x"}
            began = time.perf_counter()
            sent = [client.post(url, json=body(seed=seed), headers=key) for seed in range(6)]
            replies = await asyncio.gather(*sent)
            assert time.perf_counter() - began >= 0.18
    queued = sorted(reply.json()["usage"]["queue_time"] for reply in replies)
    assert queued[1] < 0.01 < queued[2]  # those that found a turn free say a tenth of the latency
    assert all(reply.json()["usage"]["total_time"] == pytest.approx(0.054) for reply in replies)


@pytest.mark.parametrize(("limit", "finish"), [(30, "length"), (1024, "tool_calls")])
def test_an_answer_is_cut_off_at_max_tokens(limit: int, finish: str) -> None:
    """What exceeds the token limit is cut off, and the finish reason and the usage say so."""
    with OfflineServer(latency_ms=0) as server:
        reply = post(server, body(max_tokens=limit)).json()
    arguments = reply["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    assert reply["choices"][0]["finish_reason"] == finish
    assert (finish == "length") is (len(arguments) == 4 * (limit - 10) and not arguments.endswith("}"))
    assert reply["usage"]["completion_tokens"] <= limit


def test_all_six_forms_of_tool_use_failed_occur() -> None:
    """Attempt by attempt the known wordings come up, each with its failed generation as text."""
    with OfflineServer(latency_ms=0, faults={"tool_use_failed": 1.0}) as server:
        errors = [post(server, body()).json()["error"] for _ in range(60)]
    assert len({error["message"] for error in errors}) == 6
    assert {error["code"] for error in errors} == {"tool_use_failed"}
    assert all(isinstance(error["failed_generation"], str) for error in errors)


def test_impossible_faults_are_refused() -> None:
    """Rates above 1 say what is wrong."""
    with pytest.raises(UsageError, match=r"must sum to 0\.\.1, not 1\.1"):
        OfflineServer(faults={"500": 0.9}, error_rate=0.2)


def test_a_client_that_goes_away_is_counted() -> None:
    """A reply that nobody waited for is abandoned, not served; the next one is."""
    with OfflineServer(latency_ms=400) as server:
        with pytest.raises(groq.APITimeoutError):
            sdk(server, timeout=0.1).chat.completions.create(**body())
        assert post(server, body(CASES[2].prompt)).status_code == 200
        assert (server.counts["abandoned"], server.counts["served"]) == (1, 1)


def test_a_body_that_is_served_twice_is_counted() -> None:
    """What was paid for twice shows in served_again."""
    with OfflineServer(latency_ms=0) as server:
        for seed in (1, 1, 2):
            post(server, body(seed=seed))
        assert (server.counts["served"], server.counts["served_again"]) == (3, 1)


def test_closing_ends_what_hangs() -> None:
    """A hanging reply does not keep the server from closing."""
    server = OfflineServer(latency_ms=0, faults={"hang": 1.0}).start()
    failed: list[Exception] = []

    def ask() -> None:
        try:
            failed.append(httpx.HTTPError(str(post(server, body()).status_code)))
        except httpx.HTTPError as error:
            failed.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    while not server.handlers.in_flight:
        threading.Event().wait(0.005)
    server.close()
    waiting.join(timeout=5)
    assert len(failed) == 1
    with pytest.raises(httpx.ConnectError):
        post(server, body())


def test_a_taken_port_is_said_in_one_sentence() -> None:
    """Two servers on one port: the second names the port and what to do."""
    with OfflineServer() as server:
        second = OfflineServer(port=server.port)
        with pytest.raises(
            ProviderError, match=rf"cannot listen on 127\.0\.0\.1:{server.port}.*choose another"
        ):
            second.start()


def test_the_command_prints_how_to_point_a_client_at_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`serve` says its URL and the two variables, and ends on Ctrl-C."""

    class Interrupted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if threading.current_thread() is threading.main_thread() and not self.is_set():
                raise KeyboardInterrupt
            return super().wait(timeout)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = OfflineServer(port=port, latency_ms=0)
    monkeypatch.setattr(server, "start", lambda: server)
    monkeypatch.setattr("benchkit.offline.server.OfflineServer", lambda **options: server)
    monkeypatch.setattr("benchkit.offline.server.threading.Event", Interrupted)
    server.url = f"http://127.0.0.1:{port}"
    serve(port)
    said = capsys.readouterr().out
    assert f"export GROQ_BASE_URL=http://127.0.0.1:{port}" in said
    assert said.strip().endswith("Stopped after 0 replies.")
