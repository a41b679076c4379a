"""Completions that no provider should send, and errors that repeat the key."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchkit.errors import BudgetStop, LimitStop, ProviderError, Unanswered
from benchkit.llm.retry import LONGEST_OUTAGE_S

from .talking import KEY, STEADY, Ticks, at, client, executor, items

GOOD = {"role": "assistant", "tool_calls": [{"function": {"name": "process_customer_response"}}]}


def completion(arguments: str = '{"response_text": "Hello."}', **more) -> dict:
    message = json.loads(json.dumps(GOOD))
    message["tool_calls"][0] |= {"id": "a", "type": "function"}
    message["tool_calls"][0]["function"]["arguments"] = arguments
    return {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]} | more


def said(message: object, **more) -> dict:
    return {"choices": [{"index": 0, "message": message}], **more}


JSON = "application/json"
ODD = {
    "as text": (completion(), "text/plain", "answered"),
    "odd usage": (completion(usage={"prompt_tokens": "7", "completion_time": None}), JSON, "answered"),
    "endless usage": (completion(usage={"prompt_tokens": 10**400, "queue_time": 10**400}), JSON, "answered"),
    "no usage": (completion(), JSON, "answered"),
    "usage list": (completion(usage=[1], x_groq="x", model=5), JSON, "answered"),
    "not an object": (completion("[1, 2]"), JSON, "malformed"),
    "null": (completion("null"), JSON, "malformed"),
    "deep": (completion("[" * 50_000), JSON, "malformed"),
    "half": (completion('{"response_text": "\\ud83d"}'), JSON, "answered"),
    "no content": (said({"role": "assistant"}), JSON, "malformed"),
    "odd calls": (said({"role": "assistant", "content": "x", "tool_calls": [5]}), JSON, "malformed"),
    "no role": (said({"content": "prose"}), JSON, "malformed"),
    "no choices": ({"choices": []}, JSON, "failed"),
    "no message": (said(None), JSON, "failed"),
    "null body": (None, JSON, "failed"),
}


@asynccontextmanager
async def scripted(monkeypatch, answer):
    """A provider of one model that answers every chat request by `answer`."""

    async def models(request):
        return web.json_response({"data": [{"id": STEADY}]})

    app = web.Application()
    app.router.add_post("/openai/v1/chat/completions", answer)
    app.router.add_get("/openai/v1/models", models)
    async with TestServer(app) as server:
        at(str(server.make_url("")), monkeypatch)
        yield server


@pytest.mark.filterwarnings("error::UserWarning")  # the SDK's would reach the terminal
@pytest.mark.parametrize("name", ODD)
async def test_odd_completions(monkeypatch, tmp_path, name):
    """Whatever a provider calls a completion ends as a reply with a status, and is on record."""
    body, kind, status = ODD[name]

    async def answer(request):
        return web.Response(body=json.dumps(body).encode(), content_type=kind)

    async with scripted(monkeypatch, answer):
        (reply,) = await client(tmp_path).map(executor(), items(1))
    assert (reply.status, reply.attempts) == (status, 4 if status == "failed" else 1)
    assert bool(reply.error) == (status != "answered")
    assert reply.error.startswith("the reply is no chat completion: ") == (status == "failed")
    assert client(tmp_path).on_record([(executor(), items(1))]) == [[None if status == "failed" else reply]]


@pytest.mark.parametrize(("status", "expected"), [(201, "answered"), (204, "failed"), (302, "failed")])
async def test_odd_successes(monkeypatch, tmp_path, status, expected):
    """What counts is whether a completion came, not which success it is called nor where we are sent."""

    async def answer(request):
        if status == 302:
            raise web.HTTPFound("/openai/v1/models")
        return web.json_response(completion(), status=status) if status != 204 else web.Response(status=204)

    async with scripted(monkeypatch, answer):
        (reply,) = await client(tmp_path).map(executor(), items(1))
    assert (reply.status, reply.attempts) == (expected, 4 if expected == "failed" else 1)
    assert ("no chat completion" in reply.error) == (expected == "failed")


@pytest.mark.parametrize(
    "body", [completion('{"response_text": "Hel'), completion(), said({"content": "As"})]
)
async def test_cut_off_at_the_token_limit(monkeypatch, tmp_path, caplog, body):
    """An answer that ended at our own limit is malformed for that, whatever is left of it, and warned of."""
    body["choices"][0]["finish_reason"] = "length"

    async def answer(request):
        return web.json_response(body)

    async with scripted(monkeypatch, answer):
        replies = await client(tmp_path).map(executor(max_tokens=77), items(3))
    assert {(reply.status, reply.error, reply.arguments) for reply in replies} == {
        ("malformed", "cut off at max_tokens = 77", None)
    }
    assert "3 of 3 answers of offline/steady" in caplog.text
    assert "cut off at max_tokens = 77 and count as malformed: raise max_tokens" in caplog.text


async def test_what_times_out_is_told_with_its_remedy(monkeypatch, tmp_path, caplog):
    """Each request that got no reply in time counts, and the remedy stands in the reply and the log."""

    async def answer(request):
        await asyncio.sleep(3600)

    async with scripted(monkeypatch, answer):
        one = client(tmp_path)
        one.provider.timeout_s = 0.05
        async with one:
            (reply,) = await one.map(executor(), items(1))
            assert one._sender.pacer(STEADY).timed_out == 4
    remedy = "timed out: no reply within 0.05 s. Lower max_concurrency or raise timeout_s"
    assert (reply.status, reply.error, reply.attempts) == ("failed", remedy, 4)
    assert "if many time out, lower max_concurrency or raise timeout_s" in caplog.text


async def test_a_lost_connection_is_no_timeout(monkeypatch, tmp_path):
    """A server that hangs up is asked again; it says nothing about how many calls it can take."""
    left = [1, 2]

    async def answer(request):
        if left:
            left.pop()
            request.transport.close()
        return web.json_response(completion())

    async with scripted(monkeypatch, answer), client(tmp_path) as one:
        (reply,) = await one.map(executor(), items(1))
        assert one._sender.pacer(STEADY).timed_out == 0
    assert (reply.status, reply.attempts) == ("answered", 3)


@pytest.mark.parametrize("odd", ["-1", "", "1e3"])
async def test_odd_limits(monkeypatch, tmp_path, odd):
    """A header that is no number teaches nothing, and costs no answer."""

    async def answer(request):
        names = ("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-limit-requests")
        return web.json_response(completion(), headers=dict.fromkeys(names, odd))

    async with scripted(monkeypatch, answer):
        replies = await client(tmp_path).map(executor(), items(3))
    assert [(reply.status, reply.attempts) for reply in replies] == [("answered", 1)] * 3


async def test_a_daily_limit_without_a_time(monkeypatch, tmp_path):
    """A daily limit that does not say how long it lasts stops the run too: it is no matter of seconds."""

    async def answer(request):
        told = "Rate limit reached for model `x` on tokens per day (TPD): Limit 200000, Used 199999. Upgrade."
        return web.json_response({"error": {"message": told}}, status=429)

    async with scripted(monkeypatch, answer):
        with pytest.raises(LimitStop, match="run again later to continue"):
            await client(tmp_path).map(executor(), items(30))


async def test_a_list_of_models_that_has_to_be_waited_for(monkeypatch, tmp_path):
    """A provider that lists its models only in an hour is said to, instead of an hour of silence."""

    async def models(request):
        return web.json_response({"error": {"message": "Slow."}}, status=429, headers={"retry-after": "3600"})

    app = web.Application()
    app.router.add_get("/openai/v1/models", models)
    async with TestServer(app) as server:
        at(str(server.make_url("")), monkeypatch)
        with pytest.raises(ProviderError, match=r"does not list its models: .* 3600 s.*Run again later"):
            await client(tmp_path).map(executor(), items(1))


async def test_an_outage_is_waited_out(monkeypatch, tmp_path):
    """A provider that answers nothing for a while costs time and few requests, and not one call."""
    ticks, sent = Ticks(), []

    async def answer(request):
        sent.append(ticks.at)
        if ticks.at < 4 * 60:
            return web.Response(status=503, text="upstream connect error")
        return web.json_response(completion())

    async with scripted(monkeypatch, answer):
        replies = await client(tmp_path, ticks).map(executor(), items(100))
    assert {reply.status for reply in replies} == {"answered"}
    assert len(sent) < 100 + 150


async def test_an_outage_without_end(monkeypatch, tmp_path):
    """After some minutes without any answer the model is given up for now, in one sentence."""
    ticks = Ticks()

    async def answer(request):
        return web.Response(status=503, text="upstream connect error")

    async with scripted(monkeypatch, answer):
        with pytest.raises(
            Unanswered, match=r"answered nothing for [5-9] minutes.*run again later to continue"
        ):
            await client(tmp_path, ticks).map(executor(), items(100))
    assert LONGEST_OUTAGE_S < ticks.at < 3 * LONGEST_OUTAGE_S


async def test_an_unusable_answer_is_one(monkeypatch, tmp_path, caplog):
    """A model whose tool calls the API turns down answers all the same: failures between are not in a row."""
    ticks, asked = Ticks(), []

    async def answer(request):
        asked.append(request)
        if len(asked) % 10 == 0:
            return web.Response(status=500, text="oops")
        headers = {"x-ratelimit-limit-tokens": "300000", "x-ratelimit-remaining-tokens": "290000"}
        error = {"message": "x", "code": "tool_use_failed", "failed_generation": "prose"}
        return web.json_response({"error": error}, status=400, headers=headers)

    async with scripted(monkeypatch, answer), client(tmp_path, ticks) as one:
        replies = await one.map(executor(), items(400))
        assert one._sender.pacer(STEADY).limits["TPM"] == 300_000
    assert {reply.status for reply in replies} == {"malformed"}
    assert "answers nothing" not in caplog.text


async def test_an_unusable_answer_may_cost(monkeypatch, tmp_path):
    """What it costs is not told, so that a ceiling counts it at its most."""

    async def answer(request):
        error = {"message": "x", "code": "tool_use_failed", "failed_generation": "prose"}
        return web.json_response({"error": error}, status=400)

    async with scripted(monkeypatch, answer):
        with pytest.raises(BudgetStop, match=r"max_cost_usd = \$0\.002: .* the next call may cost"):
            await client(tmp_path, max_cost_usd=0.002).map(executor(), items(300))


async def test_a_wait_of_a_day(monkeypatch, tmp_path):
    """A failing provider that asks for a day is not waited for."""

    async def answer(request):
        return web.Response(status=503, headers={"retry-after": "86400"})

    async with scripted(monkeypatch, answer):
        with pytest.raises(Unanswered, match=r"asks to wait \(.*run again after 20\d\d-.* UTC"):
            await client(tmp_path, Ticks()).map(executor(), items(3))


async def test_what_was_never_sent_costs_nothing(monkeypatch, tmp_path):
    """A provider that is gone is not paid for the requests that could not reach it."""

    async def answer(request):
        usage = {"prompt_tokens": 10, "completion_tokens": 10}
        return web.json_response(completion(usage=usage))

    async with client(tmp_path, Ticks(), max_cost_usd=1) as one:
        async with scripted(monkeypatch, answer):
            await one.map(executor(), items(1))
        spent = one.budget.cost_usd
        replies = await one.map(executor(), items(5))
        assert [reply.status for reply in replies] == ["answered"] + ["failed"] * 4
        assert "No connection was made" in replies[-1].error
        assert one.budget.cost_usd == spent > 0


async def test_an_interrupt_waits_for_what_is_in_flight(monkeypatch, tmp_path):
    """Interrupted, nothing more is sent, and what was on its way is kept; twice, it is cut off."""
    waiting, go, sent = asyncio.Event(), asyncio.Event(), []

    async def answer(request):
        sent.append(request)
        if len(sent) in (4, 8):
            waiting.set()
        await go.wait()
        return web.json_response(completion())

    async def interrupted(times):
        asking = asyncio.ensure_future(client(tmp_path, cap=4).map(executor(), items(50)))
        await waiting.wait()
        waiting.clear()
        asking.cancel()
        await asyncio.sleep(0)
        asking.cancel() if times == 2 else go.set()
        with pytest.raises(asyncio.CancelledError):
            await asking
        go.clear()
        return sum(map(bool, client(tmp_path).on_record([(executor(), items(50))])[0]))

    async with scripted(monkeypatch, answer):
        assert (await interrupted(1), len(sent)) == (4, 4)
        assert (await interrupted(2), len(sent)) == (4, 8)
        go.set()  # the server is to end


async def test_errors_do_not_show_the_key(monkeypatch, tmp_path):
    """A provider that repeats the key in its messages does not get it into the journal or an error."""

    async def answer(request):
        return web.json_response({"error": {"message": f"Bad key {KEY}, {KEY}"}}, status=statuses.pop())

    statuses = [401, 400]
    async with scripted(monkeypatch, answer):
        (reply,) = await client(tmp_path).map(executor(), items(1))
        with pytest.raises(ProviderError) as raised:
            await client(tmp_path).map(executor(), [replace(item, round=2) for item in items(1)])
    assert reply.error == "BadRequestError: Bad key [key], [key]"
    assert KEY not in str(raised.value)
    with sqlite3.connect(tmp_path / "calls.sqlite") as db:
        assert KEY not in str(db.execute("SELECT * FROM calls").fetchall())
