"""Keys, models and addresses: what is said before anything is paid; prices; the progress bar's output."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchkit.errors import ProviderError
from benchkit.llm import catalog
from benchkit.llm.budget import Budget
from benchkit.llm.catalog import Model, default_model, default_models, known, listed, replacement
from benchkit.llm.client import Client
from benchkit.llm.groq import Transport
from benchkit.llm.provider import Provider, base_url, served_models
from benchkit.llm.window import LARGEST_WINDOW
from benchkit.offline.server import OfflineServer
from benchkit.offline.world.models import ROSTER

from .talking import KEY, STEADY, Run, Ticks, at, executor, items


@pytest.fixture(scope="module")
def server():
    with OfflineServer(latency_ms=0, key=KEY, stand_in=True) as server:
        yield server


async def checked(*models: str, ticks: Ticks | None = None) -> Provider:
    provider = Provider("groq", sleep=(ticks or Ticks()).sleep)
    try:
        await provider.check(list(models))
        return provider
    finally:
        served = provider.models
        await provider.close()
        provider.models = served


@pytest.mark.parametrize(
    ("key", "said"),
    [
        *((key, r"GROQ_API_KEY is not set\. Get a key at https://console\.groq") for key in ("", "  \n")),
        *((key, "has characters that no key has") for key in ("gsk_…", "gsk_a b", "gsk_a\nb", "schlüssel")),
        ("gsk_some_other_key", r"refused the key \(401: Invalid API Key\)\. Set GROQ_API_KEY"),
    ],
)
async def test_keys_that_do_not_work(server, monkeypatch, key, said):
    """A key that is missing, was copied badly or is refused: one sentence, once, without showing it."""
    at(server, monkeypatch, key)
    ticks = Ticks()
    with pytest.raises(ProviderError, match=said) as raised:
        await checked(STEADY, ticks=ticks)
    assert not key.strip() or key not in str(raised.value)
    assert ticks.waits == []
    assert (await checked()).models == {}  # where nothing is to be asked none is needed


async def test_good_key_and_models(server, monkeypatch):
    """A key with a line break at its end and served models pass; their prices are the listed ones."""
    at(server, monkeypatch, key=f"{KEY}\n")
    provider = await checked(STEADY, "openai/gpt-oss-20b")
    assert provider.models[STEADY] == Model(STEADY, 0.15, 0.60)
    assert provider.models["openai/gpt-oss-20b"].effort == "low"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("mixtral-8x7b-32768", "retired by Groq on 2025-03-20; use openai/gpt-oss-120b instead"),
        ("gemma2-9b-it", "retired by Groq on 2025-10-08; use openai/gpt-oss-20b instead"),
        ("llama-3.3-70b-versatile", "retired by Groq on 2026-08-16; use openai/gpt-oss-120b instead"),
        ("no/such-model", "groq does not serve a model 'no/such-model'"),
        ("", "groq does not serve a model ''"),
    ],
)
async def test_models_that_are_not_served(server, monkeypatch, model, said):
    """An unknown or retired model is named with what to use instead, and what is served now."""
    at(server, monkeypatch)
    with pytest.raises(
        ProviderError, match=r"Models served now: offline/analyst, .*openai/gpt-oss-120b"
    ) as e:
        await checked(STEADY, model)
    assert said in str(e.value)
    assert server.counts["served"] == 0


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "localhost:9", "http://[", "ftp://x", "http://me:secret@127.0.0.1:9"]
)
async def test_out_of_reach(monkeypatch, url):
    """An address where nothing answers is named, with what to check, and without its password."""
    at(url, monkeypatch)
    with pytest.raises(ProviderError, match=r"cannot be reached .*Check the network and GROQ_BASE_URL") as e:
        await checked(STEADY)
    assert url.replace("me:secret", "[key]") in str(e.value)


PAGES = {
    "a page": web.Response(text="<html>hello</html>", content_type="text/html"),
    "text": web.Response(text="hello"),
    "a list": web.json_response([1, 2]),
    "other rows": web.json_response({"data": [1, None]}),
    "no rows": web.json_response({"data": None}),
    "not found": web.json_response({"error": {"message": "Unknown request URL"}}, status=404),
    "no JSON": web.Response(text="{", content_type="application/json"),
}


@pytest.mark.parametrize("page", PAGES)
async def test_something_else_answers(monkeypatch, page):
    """A server that is not Groq's API leads to a sentence about the address, whatever it answers."""
    app, said = web.Application(), PAGES[page]

    async def answer(request):
        return web.Response(body=said.body, status=said.status, content_type=said.content_type)

    app.router.add_get("/openai/v1/models", answer)
    async with TestServer(app) as other:
        at(str(other.make_url("")), monkeypatch)
        with pytest.raises(ProviderError, match=r"Check .*GROQ_BASE_URL|does not serve|cannot be reached"):
            await checked(STEADY)


async def test_a_provider_that_recovers(server, monkeypatch):
    """A few failures while the models are listed are retried."""
    app, left = web.Application(), [503, 500]

    async def answer(request):
        if left:
            return web.Response(text="upstream connect error", status=left.pop())
        return web.json_response({"object": "list", "data": [{"id": STEADY}]})

    app.router.add_get("/openai/v1/models", answer)
    ticks = Ticks()
    async with TestServer(app) as other:
        at(str(other.make_url("")), monkeypatch)
        assert (await checked(STEADY, ticks=ticks)).models == {STEADY: known(STEADY)}
    assert len(ticks.waits) == 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "https://api.groq.com"),
        ("https://api.groq.com/openai/v1", "https://api.groq.com"),
        ("https://api.groq.com/openai/v1/ ", "https://api.groq.com"),
        ("http://127.0.0.1:80/", "http://127.0.0.1:80"),
    ],
)
def test_base_url(given, expected):
    """The SDK adds the path; an address that has it already does not get it twice."""
    assert base_url(given) == expected


async def test_the_embedded_provider_needs_no_network(monkeypatch, tmp_path):
    """Neither a proxy nor certificates that are gone stand before what this machine serves itself."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    one = Client(Run(tmp_path, "offline"), Provider("offline"), Budget())
    for count in (1, 2):  # it is stopped, and can be started again
        assert {reply.status for reply in await one.map(executor(), items(count))} == {"answered"}
        assert one.provider.models == {}
    with pytest.raises(ProviderError, match="was imported and has no provider"):
        await Provider("imported").check([STEADY])


async def test_no_certificates_are_read_for_this_machine(monkeypatch):
    """A provider that this machine serves needs none: reading them takes longer than the calls of a demo."""
    read: list[Any] = []
    monkeypatch.setattr(ssl, "create_default_context", lambda **how: read.append(how))
    await Transport("http://127.0.0.1:9", KEY, timeout_s=1.0).close()
    assert read == []


async def test_more_connections_than_calls_in_flight():
    """The adapter's own limit of 100 would hold back what the window lets go."""
    transport = Transport("http://127.0.0.1:9", KEY, timeout_s=1.0)
    async with transport._http._transport.get_client() as session:
        assert session.connector.limit > 10 * LARGEST_WINDOW
    await transport.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the adapter's own
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "SSL_CERT_FILE",
            "/nowhere/gone.pem",
            r"SSL_CERT_FILE is /nowhere/gone\.pem: check that, or unset SSL_CERT_FILE",
        ),
        ("HTTP_PROXY", "http://127.0.0.1:9", r"HTTP_PROXY is http://127\.0\.0\.1:9"),
        ("all_proxy", "http://me:secret@127.0.0.1:9", r"all_proxy is http://\[key\]@127"),
        ("HTTP_PROXY", "nonsense://x", r"HTTP_PROXY is nonsense://x"),
    ],
)
async def test_what_the_environment_breaks_is_named(monkeypatch, name, value, said):
    """A provider elsewhere that is out of reach because of a variable: its name and value are told."""
    at("http://elsewhere.invalid", monkeypatch)
    monkeypatch.setenv(name, value)
    with pytest.raises(ProviderError, match=said) as raised:
        await checked(STEADY)
    assert "secret" not in str(raised.value)


async def test_served_models(server, monkeypatch):
    """What is served with its prices, then what is retired, with what to use instead."""
    at(server, monkeypatch)
    rows = {row["model"]: row for row in await served_models("groq")}
    assert rows[STEADY] == {"model": STEADY, "status": "served", "usd_in": 0.15, "usd_out": 0.6}
    assert rows["gemma2-9b-it"]["status"] == "retired 2025-10-08, use openai/gpt-oss-20b"


def test_prices_of_simulated_models():
    """The catalog knows the published price of every simulated model, and of no other offline one."""
    for id, model in ROSTER.items():
        assert known(id) == Model(id, model.input_usd, model.output_usd)
    assert known("offline/none").cost_usd(1, 1) is None


@pytest.mark.parametrize(
    ("prompt", "completion", "cached", "expected"),
    [
        (1_000_000, 0, 0, 0.15),
        (0, 1_000_000, 0, 0.60),
        (1000, 1000, 1000, 0.000675),
        (1000, 1000, 9000, 0.000675),  # no more can be cached than was asked
        (None, 1, 0, None),
    ],
)
def test_cost(prompt, completion, cached, expected):
    """Dollars from tokens, cached ones at their price; unknown where a count is."""
    cost = known("openai/gpt-oss-120b").cost_usd(prompt, completion, cached)
    assert cost == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("pricing", [None, {}, {"prompt": None}])
def test_listed_prices_win(pricing):
    """What the provider lists today wins over the catalog, where it can be used."""
    row = {"id": "openai/gpt-oss-20b", "pricing": {"prompt": "0.00000015", "completion": "0.0000006"}}
    assert listed(row) == Model("openai/gpt-oss-20b", 0.15, 0.6, None, "low")
    assert listed(row | {"pricing": pricing}) == known("openai/gpt-oss-20b")


def test_replacements_live():
    """Every retired model is replaced by one that is not retired and that the catalog knows."""
    for id in catalog.RETIRED:
        assert catalog.RETIRED[id][1] in catalog.MODELS
        assert id in replacement(id)
    assert replacement(STEADY) == ""


def test_defaults():
    """Each provider has a model for each role; one without has a sentence that says what to do."""
    for provider in ("offline", "groq"):
        assert len(set(default_models(provider))) == 2
        for role in ("generator", "validator", "judge", "report"):
            assert known(default_model(provider, role)).input_usd is not None
    with pytest.raises(ProviderError, match="has no models to ask"):
        default_models("imported")
