"""Conversation metrics: tables of known answers, and what has to hold for any text."""

from __future__ import annotations

import time

import jiwer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from benchkit.metrics.conversation import (
    bleu_score,
    clarity,
    response_relevance,
    shows_resolution,
    task_completion,
    wer_score,
)
from benchkit.metrics.keywords import keywords, normalise, spaced, words
from benchkit.metrics.sentences import sentences

plain_words = st.lists(
    st.sampled_from(["refund", "order", "card", "login", "bill", "fee", "team"]), min_size=4, max_size=30
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Order INT-2026-04 costs $49.99!", ["order", "int-2026-04", "costs", "49.99"]),
        ("don’t wait: 10:30, 2026-04-15, v2.1", ["don't", "wait", "10:30", "2026-04-15", "v2.1"]),
        ("step-by-step and/or snake_case", ["step", "by", "step", "and", "or", "snake", "case"]),
        ("{{Order Number}}: 1,299.00", ["order", "number", "1,299.00"]),
        ("Café CAFE\u0301", ["café", "café"]),
        ("退款 हिन्दी", ["退", "款", "हिन्दी"]),
        ("... --- !!!", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    """Ids and numbers stay whole, compounds fall apart, and every script has words."""
    assert list(words(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The customer's refunds are being refunded", {"custom", "refund"}),
        ("It's what you would do", set()),
        ("INT-2026-04 for $49.99", {"int-2026-04", "49.99"}),
        ("Überweisung kommt", {"überweisung", "kommt"}),
    ],
)
def test_keywords(text: str, expected: set[str]) -> None:
    """Keywords are stems without function words; negations and ids stay."""
    assert keywords(text) == expected


@pytest.mark.parametrize(
    ("response", "prompt", "expected"),
    [
        ("refund order", "order refund", 1.0),
        ("The refunds!", "Where is my refunded order?", 1 / 2),
        ("refund sent", "cancel order", 0.0),
        ("", "cancel order", 0.0),
        ("refund", "What is it?", None),
        ("refund", "", None),
    ],
)
def test_response_relevance(response: str, prompt: str, expected: float | None) -> None:
    """Jaccard of keyword sets; without keywords in the prompt there is nothing to be relevant to."""
    assert response_relevance(response, prompt) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs $49.99. Pay now!", ["It costs $49.99.", "Pay now!"]),
        ("Dr. Smith, e.g. the one, called. See No. 5.", ["Dr. Smith, e.g. the one, called.", "See No. 5."]),
        ("The answer is no. Please wait.", ["The answer is no.", "Please wait."]),
        ("We open at 5 p.m. Come by. Or 6 p.m. or 7.", ["We open at 5 p.m.", "Come by.", "Or 6 p.m. or 7."]),
        ("Steps:\n1. Open it\n- Close it\n\n* \n", ["Steps:", "Open it", "Close it"]),
        ("退款已处理。再见！", ["退款已处理。", "再见！"]),
        ("Wait... what?!", ["Wait...", "what?!"]),
        ("?!\n...", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    """Decimals and abbreviations end no sentence; line breaks and list items do."""
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("", 0.0),
        ("Sure thing", 0.3),
        ("We will help", 1.0),
        ("w " * 50 + ".", 1.0),
        ("w " * 51 + ".", 0.5),
        ("Sure. We have sent the refund.", 0.65),
    ],
)
def test_clarity(response: str, expected: float) -> None:
    """The mean over sentences of 0.3 under three words, 1 to fifty, 0.5 above."""
    assert clarity(response) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It arrives by 2026-04-15", True),
        ("It arrives on April 3", True),
        ("That is 49.99 EUR, or $5", True),
        ("See INT-2026-04", True),
        ("Open Settings", True),
        ("If so, please restart it", True),
        ("We have already refunded you", True),
        ("You can do so by clicking there", True),
        ("1. Wait", True),
        ("Hello, how can I help you today?", False),
        ("I understand you want to reset your password", False),
        ("Please contact us, we are 1 team", False),
        ("Your order {{Order 12345}} is important", False),
        ("To our dismay 5 of them, and after a good deal of text that says nothing at all, 6 more", False),
        ("Of 5 we know, and after a good deal of text that says nothing at all, on September 12", True),
        ("Of 5 we know, and after a good deal of text that says nothing, the confirmation number: 6", True),
        ("", False),
    ],
)
def test_shows_resolution(text: str, expected: bool) -> None:
    """A step, a date, an amount or a reference resolves; good manners and placeholders do not."""
    assert shows_resolution(text) is expected


@pytest.mark.parametrize(
    ("response", "golden", "expected"),
    [
        ("refund order", "refund order card login", 0.5),
        ("refund order by Friday", "refund order card login", 0.6),
        ("refund order card login by Friday", "refund order card login", 1.0),
        ("", "refund order", 0.0),
    ],
)
def test_task_completion(response: str, golden: str, expected: float | None) -> None:
    """The share of golden keywords, a fifth more for a resolution, never above 1."""
    assert task_completion(response, golden) == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("golden", "response", "expected"),
    [
        ("X", "X", 0),
        ("X", "X X Y Y", 3),
        ("X", "Y", 1),
        ("This is a test", "", 1),
        ("Hello, World!", "hello\nworld", 0),
        ("退款了", "退款", 1 / 3),
        ("...", "hello", None),
        ("", "", None),
    ],
)
def test_wer(golden: str, response: str, expected: float | None) -> None:
    """jiwer's published values, and case, punctuation and line breaks cost nothing."""
    assert wer_score(response, golden) == (
        expected if expected is None else pytest.approx(expected, abs=1e-15)
    )


SNAPSHOT = [
    (
        "My router drops the Wi-Fi every evening since 3 March. Can you help?",
        "Restart the router, then install firmware 4.2.1 under Settings > Update. If it still drops, reply "
        "with ticket TK-20418 and we will send a technician within 2 business days.",
        "I'm sorry about that! Please unplug the router for 30 seconds, restart it, and update the firmware "
        "in Settings. A technician can visit on Friday if it doesn't help.",
        (0.08695652173913043, 1.0, 0.4235294117647059, 0.02758387014375928, 0.9655172413793104),
    ),
    (
        "I was charged twice for invoice INV-2026-071.",
        "We have refunded the second charge of $49.99; it reaches your card ending in 4411 in 3–5 days.",
        "We've refunded $49.99. You'll see it in 3-5 days.",
        (0.0, 1.0, 0.3272727272727272, 0.011804500911343205, 0.7222222222222222),
    ),
    (
        "What's your return policy?",
        "You can return any item within 30 days of delivery. Print the label at https://example.com/returns "
        "and keep the receipt.",
        "Items may be returned within 30 days. Items must be unused; items on sale can't be returned.",
        (0.125, 1.0, 0.39999999999999997, 0.04242355823667502, 0.8421052631578947),
    ),
    (
        "¿Cuándo llega mi pedido n.º 5567?",
        "Su pedido llegará el martes 14 de abril; el número de seguimiento es ES-99231.",
        "Llegará el martes. Número: ES-99231. ¡Gracias!",
        (0.0, 0.5333333333333333, 0.5, 0.060515282581243404, 0.7142857142857143),
    ),
    (
        "订单 A-1001 什么时候到？",
        "您的订单 A-1001 将于周五送达。",
        "订单 A-1001 周五到。",
        (0.4, 1.0, 0.5454545454545454, 0.11041679101588697, 0.5454545454545454),
    ),
    (
        "Reset my password",
        "Open Settings, choose Security, and click Reset password. The link is valid for 24 hours.",
        "click click click click reset reset password password the the the the",
        (0.6666666666666666, 1.0, 0.3272727272727272, 0.0439053638813621, 0.8666666666666667),
    ),
]


@pytest.mark.parametrize(("prompt", "golden", "response", "values"), SNAPSHOT)
def test_values_are_those_that_they_were(prompt, golden, response, values) -> None:
    """Known values of whole texts, as metrics version 1 gave them when it was slow, to twelve digits."""
    found = (
        response_relevance(response, prompt),
        clarity(response),
        task_completion(response, golden),
        bleu_score(response, golden),
        wer_score(response, golden),
    )
    assert found == pytest.approx(values, rel=1e-12)


@settings(deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_wer_is_jiwer(response: str, golden: str) -> None:
    """What jiwer gives for the same texts, lower-cased and without punctuation."""
    remove = jiwer.RemovePunctuation()
    ours, theirs = (" ".join(spaced(remove(normalise(text))).split()) for text in (response, golden))
    expected = jiwer.wer(theirs, ours) if theirs else None
    assert wer_score(response, golden) == (
        expected if expected is None else pytest.approx(expected, rel=1e-12)
    )


def test_bleu_edges() -> None:
    """An empty response is 0, an empty golden is undefined, identity is 1 from four words on."""
    assert bleu_score("", "the order is here") == 0.0
    assert bleu_score("the order is here", "?!") is None
    assert bleu_score("The order is HERE!", "the order is here") == 1.0
    assert bleu_score("the order here", "the order here") == pytest.approx(0.1**0.25, abs=1e-12)


@settings(deadline=None)
@given(plain_words, plain_words)
def test_bleu_is_nltk(response: list[str], golden: list[str]) -> None:
    """To twelve digits what NLTK gives with smoothing method 1."""
    expected = sentence_bleu([golden], response, smoothing_function=SmoothingFunction().method1)
    found = bleu_score(" ".join(response).title(), " ".join(golden))
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_conversation_ranges(response: str, golden: str) -> None:
    """Whatever the texts: shares stay within 0 and 1, and word errors are not negative."""
    shares = [
        response_relevance(response, golden),
        task_completion(response, golden),
        bleu_score(response, golden),
    ]
    assert all(value is None or 0 <= value <= 1 for value in [*shares, clarity(response)])
    assert (wer_score(response, golden) or 0) >= 0


@settings(deadline=None)
@given(st.text(max_size=60))
def test_conversation_identity(text: str) -> None:
    """A response that is the reference scores the best there is, or nothing can be said."""
    assert response_relevance(text, text) in (None, 1.0)
    assert task_completion(text, text) in (None, 1.0)
    assert wer_score(text, text) in (None, 0.0)
    assert bleu_score(text, text) == 1.0 or len(words(text)) < 4


@pytest.mark.parametrize(
    "text",
    [
        "a " * 50_000,
        "ay" * 50_000,
        "\n" * 100_000,
        "a\u0316\u0301" + "\u0316\u0301" * 50_000,
        "\x00\ud800 x" * 25_000,
    ],
    ids=["words", "one word", "line breaks", "marks", "control characters and surrogates"],
)
def test_huge_conversation(text: str) -> None:
    """100 KB of anything is scored in seconds."""
    started = time.perf_counter()
    assert clarity(text) <= 1
    assert task_completion(text, "refund the order") == response_relevance(text, "refund the order") == 0
    assert bleu_score(text, "refund the order") == 0
    assert (wer_score(text, "refund the order") or 0) >= 1
    assert wer_score(text, text) in (None, 0)
    assert time.perf_counter() - started < 10
