"""The offline provider over real HTTP, reached as Groq is: by the groq SDK and by ChatGroq."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from statistics import mean
from typing import Any

import aiohttp
import groq
import httpx
import pytest
from langchain_groq import ChatGroq

from benchkit.domain import CATEGORIES
from benchkit.errors import ProviderError, UsageError
from benchkit.offline import ROSTER, OfflineServer, serve
from benchkit.offline.chance import chance
from benchkit.offline.scenarios import reference, scenario, stated

ANSWER = {
    "type": "function",
    "function": {
        "name": "process_customer_response",
        "description": "Answer the customer.",
        "parameters": {
            "type": "object",
            "properties": {
                "response_text": {"type": "string"},
                "response_type": {"enum": ["answer", "clarification", "solution"]},
                "next_steps": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["response_text", "response_type", "next_steps"],
        },
    },
}
CLIENT = httpx.Client(timeout=10)
CASES = [scenario(reference("conversation", CATEGORIES[at % 5], chance("http", at))) for at in range(120)]


def body(prompt: str = CASES[0].prompt, model: str = "offline/steady", **more: Any) -> dict[str, Any]:
    """A request as benchkit sends it."""
    return {
        "model": model,
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": prompt}],
        "tools": [ANSWER],
        "tool_choice": {"type": "function", "function": {"name": "process_customer_response"}},
        "max_tokens": 1024,
        "seed": 8,
        **more,
    }


def post(server: OfflineServer, request: Any, key: str = "k") -> httpx.Response:
    content = request if isinstance(request, bytes) else json.dumps(request).encode()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.post(
        f"{server.url}/openai/v1/chat/completions", content=content, headers=headers, timeout=10
    )


def sdk(server: OfflineServer, **options: Any) -> groq.Groq:
    return groq.Groq(**{"base_url": server.url, "api_key": "k", "max_retries": 0, "timeout": 5, **options})


def arguments(completion: Any) -> dict[str, Any]:
    return json.loads(completion.choices[0].message.tool_calls[0].function.arguments)


@pytest.fixture(scope="module")
def instant() -> Iterator[OfflineServer]:
    """A server that answers at once."""
    with OfflineServer(latency_ms=0, stand_in=True) as server:
        yield server


def test_chatgroq_gets_a_tool_call_with_groqs_metadata(instant: OfflineServer) -> None:
    """The real client, unchanged but for its base URL, sees a tool call, usage and where it came from."""
    chat = ChatGroq(model="offline/steady", api_key="k", base_url=instant.url, max_retries=0, timeout=5)
    bound = chat.bind_tools([ANSWER], tool_choice="process_customer_response", seed=8)
    message = bound.invoke([("system", "Be kind."), ("user", CASES[0].prompt)])
    assert message.tool_calls[0]["args"]["response_text"]
    assert message.response_metadata["system_fingerprint"].startswith("offline")
    usage = message.response_metadata["token_usage"]
    assert usage["prompt_tokens"] > 100
    assert usage["total_time"] == pytest.approx(usage["prompt_time"] + usage["completion_time"])


@pytest.mark.parametrize(
    ("change", "status", "code", "words"),
    [
        ({"model": "no/such"}, 404, "model_not_found", "`no/such` does not exist"),
        (
            {"model": "llama-3.3-70b-versatile"},
            404,
            "model_not_found",
            "does not exist or you do not have access",
        ),
        ({"model": "mixtral-8x7b-32768"}, 400, "model_decommissioned", "has been decommissioned"),
        ({"model": "gemma2-9b-it"}, 400, "model_decommissioned", "console.groq.com/docs/deprecations"),
        ({"n": 2}, 400, None, "'n'"),
        ({"stream": True}, 400, None, "stream"),
        ({"messages": []}, 400, None, "'messages'"),
        ({"messages": [{"role": "user", "content": "x", "name": "y"}]}, 400, None, "'name' is unsupported"),
        ({"response_format": {"type": "json_object"}}, 400, None, "json mode cannot be combined"),
        ({"logprobs": True}, 400, None, "not yet supported"),
        (
            {"tool_choice": {"type": "function", "function": {"name": "other"}}},
            400,
            None,
            "not in request.tools",
        ),
        ({"max_tokens": 10**6}, 400, None, "less than or equal to `65536`"),
        ({"model": "openai/gpt-oss-20b", "reasoning_effort": "none"}, 400, None, "reasoning_effort"),
        (
            {"messages": [{"role": "user", "content": "word " * 120_000}]},
            400,
            "context_length_exceeded",
            "reduce",
        ),
    ],
)
def test_errors_have_groqs_bodies(
    instant: OfflineServer, change: dict[str, Any], status: int, code: str | None, words: str
) -> None:
    """Status, code and wording of what Groq refuses, as the SDK's exception carries them."""
    with pytest.raises(groq.APIStatusError) as refused:
        sdk(instant).chat.completions.create(**(body() | change))
    error = refused.value.body["error"]
    assert (refused.value.status_code, error.get("code")) == (status, code)
    assert words in error["message"]
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b'{"model": "offline/steady"}'])
def test_a_body_that_is_no_request_gets_a_400(instant: OfflineServer, content: bytes) -> None:
    """Not JSON, not an object, no messages: an error body, never a crash."""
    assert post(instant, content).status_code == 400
    assert post(instant, content).json()["error"]["message"]


def test_a_base_url_with_the_path_in_it_is_told_so(instant: OfflineServer) -> None:
    """GROQ_BASE_URL must not end in /openai/v1: the doubled path gets Groq's unknown_url."""
    with pytest.raises(groq.NotFoundError, match="Unknown request URL: POST /openai/v1/openai/v1"):
        sdk(instant, base_url=f"{instant.url}/openai/v1").chat.completions.create(**body())


@pytest.mark.parametrize(("given", "status"), [("right", 200), ("wrong", 401), ("", 401)])
def test_only_the_key_opens(given: str, status: int) -> None:
    """With a key set, another or none is a 401, for the models as for the chat."""
    with OfflineServer(latency_ms=0, key="right") as server:
        assert post(server, body(), given).status_code == status
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        assert httpx.get(f"{server.url}/openai/v1/models", headers=headers).status_code == status


def test_a_key_can_die_and_a_model_retire_midway() -> None:
    """After so many replies the key is invalid; after its share a model is decommissioned and unlisted."""
    with OfflineServer(latency_ms=0, key_dies_after=2) as server:
        assert [post(server, body(seed=n)).status_code for n in range(4)] == [200, 200, 401, 401]
    with OfflineServer(latency_ms=0, retire_after={"offline/hasty": 1}) as server:
        hasty = ROSTER["offline/hasty"]
        seeds = [n for n in range(30) if post(server, body(model=hasty.id, seed=n)).json().get("error", {})]
        assert "model_decommissioned" in post(server, body(model=hasty.id)).text
        assert seeds
        listed = {model.id for model in sdk(server).models.list().data}
        assert hasty.id not in listed
        assert "offline/steady" in listed


def test_models_are_listed_with_prices_per_token(instant: OfflineServer) -> None:
    """GET /models and /models/{id} state the price that the roster publishes; an unknown id is a 404."""
    client = sdk(instant)
    rows = {model.id: model.to_dict() for model in client.models.list().data}
    assert set(ROSTER) | {"openai/gpt-oss-120b", "openai/gpt-oss-20b", "qwen/qwen3.8-27b"} == set(rows)
    for id, model in ROSTER.items():
        pricing: Any = rows[id]["pricing"]
        assert float(pricing["prompt"]) * 1e6 == pytest.approx(model.input_usd)
        assert float(pricing["completion"]) * 1e6 == pytest.approx(model.output_usd)
    assert client.models.retrieve("qwen/qwen3.8-27b").id == "qwen/qwen3.8-27b"
    with pytest.raises(groq.NotFoundError):
        client.models.retrieve("no/such")


def test_stand_ins_are_served_only_when_asked_for_and_own_up(instant: OfflineServer) -> None:
    """Groq's ids answer with a fingerprint that says offline; a plain server does not know them."""
    reply = post(instant, body(model="openai/gpt-oss-120b")).json()
    assert reply["system_fingerprint"].startswith("offline")
    with OfflineServer(latency_ms=0) as server:
        assert post(server, body(model="openai/gpt-oss-120b")).status_code == 404


def unstamped(reply: dict[str, Any]) -> dict[str, Any]:
    """A completion without what differs by nature: ids and times."""
    kept = {key: value for key, value in reply.items() if key not in ("id", "created", "x_groq")}
    kept["usage"] = {key: value for key, value in reply["usage"].items() if not key.endswith("_time")}
    return kept


def test_the_same_request_gets_the_same_answer_from_another_server() -> None:
    """The answer depends on server seed, model, messages and request seed, and on nothing else."""
    with OfflineServer(latency_ms=0) as one, OfflineServer(latency_ms=0) as two:
        post(two, body(CASES[1].prompt))
        assert unstamped(post(one, body()).json()) == unstamped(post(two, body()).json())
    with OfflineServer(latency_ms=0, seed=8) as other, OfflineServer(latency_ms=0) as one:
        texts = {post(one, body(seed=seed)).text for seed in (8, 9, 10)}
        assert len(texts) == 3
        assert post(other, body()).json()["choices"] != post(one, body()).json()["choices"]


async def ask_all(
    server: OfflineServer, requests: list[dict[str, Any]], at_once: int = 32
) -> list[tuple[int, dict[str, Any]]]:
    """(status, body) of every request, so many in flight."""
    headers = {"Authorization": "Bearer k"}
    url = f"{server.url}/openai/v1/chat/completions"
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=at_once), headers=headers
    ) as client:

        async def ask(request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            async with client.post(url, json=request) as reply:
                return reply.status, await reply.json()

        return list(await asyncio.gather(*map(ask, requests)))


async def test_planted_quality_shows_over_http(instant: OfflineServer) -> None:
    """Over 120 cases steady keeps more facts than hasty, by about the published gap."""
    kept: dict[str, list[bool]] = {}
    for model in ("offline/steady", "offline/hasty"):
        replies = await ask_all(instant, [body(case.prompt, model) for case in CASES])
        kept[model] = []
        for case, reply in zip(CASES, replies, strict=True):
            said = reply.json().get("choices", [{"message": {}}])[0]["message"].get("tool_calls")
            if (
                reply.status_code == 200
                and said
                and said[0]["function"]["name"] == "process_customer_response"
            ):
                text = said[0]["function"]["arguments"]
                kept[model] += [stated(fact, text) for fact in case.facts.values()]
    gap = mean(kept["offline/steady"]) - mean(kept["offline/hasty"])
    planted = ROSTER["offline/steady"].fact_recall - ROSTER["offline/hasty"].fact_recall
    assert gap == pytest.approx(planted, abs=0.06)


def test_every_request_is_recorded_whole_and_in_order() -> None:
    """`requests` holds the bodies as they came, tools and all."""
    sent = [body(seed=seed) for seed in range(3)]
    with OfflineServer(latency_ms=0, record=True) as server:
        for request in sent:
            post(server, request)
        assert server.requests == sent


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


def test_tokens_are_reserved_by_the_limit_and_returned() -> None:
    """1,024 of 2,000 tokens a minute: the unused ones are back for the next; 2,048 at once is a 413."""
    with OfflineServer(latency_ms=0, tpm=2000, clock=lambda: 0.0) as server:
        first = post(server, body())
        assert int(first.headers["x-ratelimit-remaining-tokens"]) < 1000
        assert post(server, body(seed=9)).status_code == 200
        large = post(server, body(max_tokens=2048))
        assert large.status_code == 413
        assert "retry-after" in large.headers


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


def test_a_drip_arrives_whole() -> None:
    """A slow body is complete and counted as such."""
    with OfflineServer(latency_ms=0, faults={"drip": 1.0}, drip_s=0.1) as server:
        assert arguments(sdk(server).chat.completions.create(**body()))["response_text"]
        assert server.counts["dripped"] == 1


def test_a_fault_befalls_an_attempt_and_not_a_message() -> None:
    """At a rate of one half the same request fails now and then, and a retry succeeds."""
    with OfflineServer(latency_ms=0, error_rate=0.5) as server:
        seen = set()
        for _ in range(20):
            try:
                seen.add(post(server, body()).status_code)
            except httpx.TransportError:
                seen.add(0)
        assert {200} < seen <= {0, 200, 500, 502, 503}


def test_all_six_forms_of_tool_use_failed_occur() -> None:
    """Attempt by attempt the known wordings come up, each with its failed generation as text."""
    with OfflineServer(latency_ms=0, faults={"tool_use_failed": 1.0}) as server:
        errors = [post(server, body()).json()["error"] for _ in range(60)]
    assert len({error["message"] for error in errors}) == 6
    assert {error["code"] for error in errors} == {"tool_use_failed"}
    assert all(isinstance(error["failed_generation"], str) for error in errors)


@pytest.mark.parametrize("options", [{"faults": {"501": 0.1}}, {"faults": {"500": 0.9}, "error_rate": 0.2}])
def test_impossible_faults_are_refused(options: dict[str, Any]) -> None:
    """An unknown name or rates above 1 say what is wrong."""
    with pytest.raises(UsageError, match=r"faults are 498|at most 1"):
        OfflineServer(**options)


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
    while not server.desk.in_flight:
        threading.Event().wait(0.005)
    server.close()
    waiting.join(timeout=5)
    assert len(failed) == 1
    with pytest.raises(httpx.ConnectError):
        post(server, body())


def test_a_taken_port_is_said_in_one_sentence(instant: OfflineServer) -> None:
    """Two servers on one port: the second names the port and what to do."""
    with pytest.raises(ProviderError, match=f"cannot listen on 127.0.0.1:{instant.port}.*choose another"):
        OfflineServer(port=instant.port).start()


def test_a_server_can_be_closed_twice_and_started_again() -> None:
    """close() without start() is nothing; a second start serves again."""
    server = OfflineServer(latency_ms=0)
    server.close()
    for _ in range(2):
        with server:
            assert post(server, body()).status_code == 200


async def test_two_hundred_connections_are_served_at_once() -> None:
    """200 requests in flight: all arrive before the first is answered, and all are."""
    with OfflineServer(latency_ms=700) as server:
        replies = await ask_all(
            server, [body(CASES[0].prompt, seed=seed) for seed in range(200)], at_once=200
        )
        assert {status for status, _ in replies} <= {200, 400}
        assert server.desk.peak_in_flight == 200


def test_max_tokens_cuts_the_answer_off() -> None:
    """Arguments beyond the token limit are cut, with the finish reason that says so."""
    with OfflineServer(latency_ms=0) as server:
        choice = post(server, body(max_tokens=30)).json()["choices"][0]
        assert choice["finish_reason"] == "length"
        with pytest.raises(json.JSONDecodeError):
            json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"])


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
