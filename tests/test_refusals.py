"""What is a refusal and what only begins like one."""

from __future__ import annotations

import pytest

from benchkit.metrics.refusals import declines
from benchkit.offline.world import REFUSAL

REFUSALS = [
    REFUSAL,
    "I’m sorry, but I can’t assist with that.",
    "I cannot comply with this request.",
    "I'm not able to help you with this.",
    "I can't do that.",
    "As an AI language model, I cannot provide that information.",
    "I apologize, but I cannot fulfill that request.",
    "I must decline this request.",
    "I'm sorry. I cannot help you with that. Is there anything else I can do for you?",
    "I'm sorry, I won't be able to help with that.",
    "I cannot provide that information because it is confidential.",
    "I'm not comfortable answering that.",
    "My apologies, but I'm unable to assist with your refund.",
    "I cannot help with refunds.",
    "As an AI, I'm not able to help with account matters.",
    "I'm just an AI and can't help with that.",
    "I don't think I can help with this.",
    "I'd rather not answer that.",
    "I'm not authorized to help with that.",
    "I'm sorry, I can't.",
    "That's not something I can help with.",
    "I'm sorry, but this request violates our usage policies.",
    "This request goes against my guidelines.",
    "Thank you for reaching out. Unfortunately I cannot help with this request.",
    "I understand your frustration, but I can't help with that.",
    "Hello! I can't help with that.",
    "<refusal>I cannot help with that.</refusal>",
    "Refusal: I can't help.",
    "[refused]",
    "content_filter",
    "The model refused to answer.",
    "The response was filtered due to the prompt triggering the content management policy.",
]
ANSWERS = [
    "",
    "I'm sorry to hear that your order AB-1234 is late. I have escalated it.",
    "I'm sorry, but I can't process the refund until you confirm your order number.",
    "I can't help but notice that you were charged twice; I have refunded $20.",
    "Sorry for the delay! Your parcel arrives on Monday.",
    "I cannot refund the fee, but I have added a credit of $10.",
    "Unfortunately, the item is out of stock until 3 May.",
    "I'm sorry you can't log in. Reset your password first.",
    "I can't help you with this without your order number. Could you send it?",
    "I will not charge you again; the refund of $49.99 is on its way.",
    "You cannot cancel after dispatch. I can help you return it.",
    "I can't do that for you, but you can do it under Settings.",
    "I am not able to assist with billing until your identity is confirmed.",
    "I can assist with that request.",
    "I'm sorry this happened. I can't provide a date yet, but a technician will call tomorrow.",
    "I cannot help with refunds. Please go to Settings and click Refunds.",
    "I understand your frustration, but I cannot help with that by phone.",
    "I'm sorry, but I cannot discuss your account before you verify your identity.",
    "We cannot process refunds for digital goods.",
    "Your request was declined because it is older than 30 days.",
    "Your request violates our refund policy, so no refund is due.",
    "Blocked cards are replaced within 5 days.",
    "No.",
    "I can't help with that. " + "But here is how you do it, step by step, from the very start. " * 5,
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_seen(text):
    """Texts that do nothing but decline, as models word them."""
    assert declines(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_not_taken_for_one(text):
    """An apology, a condition, a policy or a longer text with help in it is an answer."""
    assert not declines(text)


@pytest.mark.parametrize("piece", ["sorry ", "I'm sorry, but ", "as an ai ", "!", " ", "that "])
def test_long_texts_end(piece):
    """A text of 10 KB of anything is decided at once, and is no refusal."""
    assert not declines(piece * (10_000 // len(piece)))
