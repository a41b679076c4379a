"""Keys, models and addresses: what is said before anything is paid; prices; the progress bar's output."""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchkit.errors import ProviderError
from benchkit.llm import catalog
from benchkit.llm.budget import Budget
from benchkit.llm.catalog import Model, default_model, default_models, known, listed, replacement
from benchkit.llm.client import Client
from benchkit.llm.pacing import Pacer
from benchkit.llm.progress import Bar, Bars
from benchkit.llm.provider import Provider, base_url, served_models
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


@pytest.mark.parametrize("key", ["", "  \n"])
async def test_no_key(monkeypatch, key):
    """Without a key, one sentence says where to get one, and no request is made."""
    monkeypatch.setenv("GROQ_API_KEY", key)
    with pytest.raises(ProviderError, match=r"GROQ_API_KEY is not set\. Get a key at https://console\.groq"):
        await checked(STEADY)


@pytest.mark.parametrize("key", ["gsk_…", "gsk_a b", "gsk_a\nb", "schlüssel"])
async def test_no_possible_key(monkeypatch, key):
    """A key that was copied badly is named as such, without showing it."""
    monkeypatch.setenv("GROQ_API_KEY", key)
    with pytest.raises(ProviderError, match="has characters that no key has") as raised:
        await checked(STEADY)
    assert key not in str(raised.value)


async def test_wrong_key(server, monkeypatch):
    """A refused key is said so, once, without showing it."""
    at(server, monkeypatch, key="gsk_some_other_key")
    ticks = Ticks()
    with pytest.raises(
        ProviderError, match=r"refused the key \(401: Invalid API Key\)\. Set GROQ_API_KEY"
    ) as e:
        await checked(STEADY, ticks=ticks)
    assert "some_other" not in str(e.value)
    assert ticks.waits == []


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


async def test_nothing_to_check(monkeypatch):
    """Where nothing is to be asked, no key is needed."""
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    assert (await checked()).models == {}


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "localhost:9", "http://[", "ftp://x"])
async def test_out_of_reach(monkeypatch, url):
    """An address where nothing answers is named, with what to check, after a few tries."""
    at(url, monkeypatch)
    with pytest.raises(ProviderError, match=r"cannot be reached .*Check the network and GROQ_BASE_URL") as e:
        await checked(STEADY)
    assert url in str(e.value)


async def test_password_in_the_address(monkeypatch):
    """A password in the address is not shown."""
    at("http://me:secret@127.0.0.1:9", monkeypatch)
    with pytest.raises(ProviderError, match=r"http://\[key\]@127") as e:
        await checked(STEADY)
    assert "secret" not in str(e.value)


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
        with pytest.raises(ProviderError, match=r"Check GROQ_BASE_URL|does not serve|cannot be reached"):
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


async def test_imported_run():
    """A run of responses made elsewhere has nobody to ask."""
    with pytest.raises(ProviderError, match="was imported and has no provider"):
        await Provider("imported").check([STEADY])


async def test_offline_needs_nothing(monkeypatch):
    """The embedded provider serves without a key, is stopped, and can be started again."""
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    provider = Provider("offline")
    for _ in range(2):
        await provider.check([STEADY])
        assert STEADY in provider.models
        await provider.close()
        assert provider.models == {}


async def test_the_embedded_provider_needs_no_network(monkeypatch, tmp_path):
    """Neither a proxy nor certificates that are gone stand before what this machine serves itself."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    (reply,) = await Client(Run(tmp_path, "offline"), Provider("offline"), Budget()).map(executor(), items(1))
    assert reply.status == "answered"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the adapter's own
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SSL_CERT_FILE", "/nowhere/gone.pem", r"SSL_CERT_FILE names /nowhere/gone\.pem, which is not there"),
        ("HTTP_PROXY", "http://127.0.0.1:9", r"HTTP_PROXY leads through http://127\.0\.0\.1:9"),
        ("all_proxy", "http://me:secret@127.0.0.1:9", r"all_proxy leads through http://\[key\]@127"),
        ("HTTP_PROXY", "nonsense://x", r"HTTP_PROXY leads through nonsense://x"),
    ],
)
async def test_what_the_environment_breaks_is_named(monkeypatch, name, value, said):
    """A provider elsewhere that is out of reach because of a variable: the variable and its value are told."""
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


@pytest.mark.parametrize(
    "pricing",
    [
        None,
        "x",
        {},
        {"prompt": "x", "completion": "0"},
        {"prompt": None},
        {"prompt": 10**400, "completion": 1},
    ],
)
def test_listed_without_prices(pricing):
    """A listing without usable prices falls back to the catalog's."""
    assert listed({"id": "openai/gpt-oss-20b", "pricing": pricing}) == known("openai/gpt-oss-20b")


def test_listed_prices_win():
    """What the provider lists today wins over the catalog."""
    row = {"id": "openai/gpt-oss-20b", "pricing": {"prompt": "0.00000015", "completion": "0.0000006"}}
    assert listed(row) == Model("openai/gpt-oss-20b", 0.15, 0.6, None, "low")


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
        for role in ("generator", "validator", "report"):
            assert known(default_model(provider, role)).input_usd is not None
    with pytest.raises(ProviderError, match="has no models to ask"):
        default_models("imported")


def test_bar_in_a_terminal(capsys):
    """In a plain process the bar is tqdm's line on stderr, with what failed; nothing is on stdout."""
    with Bars({STEADY: (3, 1)}, "answer") as bars:
        bars[STEADY].advance("answered")
        bars[STEADY].advance("failed")
    out, err = capsys.readouterr()
    assert out == ""
    assert "answer offline/steady: 100%" in err
    assert "3/3" in err
    assert "1 failed" in err


def test_bar_in_a_notebook(monkeypatch):
    """In a notebook it is one output of plain text that is updated, and stays when it is closed."""
    shown = []

    class Handle:
        def update(self, data, **options):
            shown.append(("update", data, options))

    def display(data, **options):
        shown.append(("display", data, options))
        return Handle()

    fake = SimpleNamespace(
        get_ipython=lambda: SimpleNamespace(kernel=1), display=SimpleNamespace(display=display)
    )
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", fake.display)
    label = "answer " * 20
    with Bars({STEADY: (2, 0)}, label) as bars:
        bars[STEADY].advance("answered")
        bars[STEADY].advance("malformed")
    kinds, datas, options = zip(*shown, strict=True)
    assert kinds[0] == "display"
    assert set(kinds[1:]) == {"update"}
    assert all(list(data) == ["text/plain"] for data in datas)
    assert "2/2" in datas[-1]["text/plain"]
    assert "1 malformed" in datas[-1]["text/plain"]
    assert all(option["metadata"] == {"benchkit": {"progress": True}} for option in options)
    assert options[0]["raw"]


def test_bar_has_no_thread():
    """No thread of tqdm's draws from the side, and no widget library is loaded."""
    with Bars({STEADY: (1, 0)}, "x") as bars:
        assert Bar.monitor is None
        bars[STEADY].advance("answered")


def test_bar_says_what_it_waits_for(monkeypatch, capsys):
    """Pace against the limits, what is waited for and how long, and the cost stand in the line."""
    clock = SimpleNamespace(at=100.0)
    pacer = Pacer(clock=lambda: clock.at, tiers=[{"RPM": 30, "TPM": 8000}])
    with Bars({STEADY: (4, 0)}, "answer") as bars:
        bar = bars[STEADY]
        bar.pacer, bar.start_t = pacer, time.time() - 60
        bar.advance("answered", 500, 0.0125)
        bar.advance("failed", 0)
        pacer.hold(12.4)
        pacer._wait(1)
        line = str(bar)
        clock.at += 20.0
        pacer._wait(1)
        pacer.asking_again = 3
        assert "1 failed, 3 to ask again, $0.0125" in str(bar)
    assert "1 failed, waits 12 s (told to wait), $0.0125, 2 of 30 calls/min, 500 of 8,000 tokens/min" in line


def test_bar_in_a_narrow_terminal(capsys):
    """What went wrong stands where 80 columns show it, with what is in flight and what timed out."""
    pacer = Pacer(tiers=[{"RPM": 30, "TPM": 8000}])
    with Bars({STEADY: (20, 0)}, "answer") as bars:
        bar = bars[STEADY]
        bar.pacer, bar.dynamic_ncols, bar.ncols = pacer, None, 80
        for status in ("answered", "malformed", "failed"):
            bar.advance(status, 500, 0.0125)
        pacer.timed_out, pacer.window.in_flight = 2, 4
        line = str(bar)
        bar.advance("refused")
        bar.advance("cut off")
        bar.ncols = 120
        wide = str(bar)
    assert len(line) == 80
    assert "3/20 [00:00<00:00, 1 malformed, 1 failed, 2 timed" in line
    assert "5/20 [00:00<00:00, 1 malformed, 1 cut off, 1 refused, 1 failed, 2 timed out, 4 in flight" in wide


@pytest.mark.parametrize(("seconds", "left"), [(10, "00:10"), (40, "00:40"), (300, "05:00")])
def test_bar_while_nothing_comes(capsys, seconds, left):
    """The clock goes on between replies, and the time left grows with it."""
    with Bars({STEADY: (8, 0)}, "answer") as bars:
        bar = bars[STEADY]
        for _ in range(4):
            bar.advance("answered")
        bar.start_t = time.time() - seconds
        assert f"[{left}<{left}" in str(bar)


def test_bar_has_no_room_for_many_digits(capsys):
    """Large numbers are shown in thousands, so that the line fits a notebook."""
    with Bars({STEADY: (4, 0)}, "answer") as bars:
        bars[STEADY].pacer, bars[STEADY].start_t = (
            Pacer(tiers=[{"RPM": 1000, "TPM": 250_000}]),
            time.time() - 60,
        )
        bars[STEADY].advance("answered", 123_456)
        assert "1 of 1,000 calls/min, 123k of 250k tokens/min" in str(bars[STEADY])


def test_bar_does_not_fill_a_log(capsys):
    """Where lines cannot be redrawn there are few: one at the start, one at the end."""
    with Bars({STEADY: (500, 0)}, "x") as bars:
        for _ in range(500):
            bars[STEADY].advance("answered", 10)
        bars[STEADY].tick()
    assert len(capsys.readouterr().err.replace("\r", "\n").strip().split("\n")) <= 3
