"""Where a model's reasoning ends and its answer begins, in the marks that models in use write."""

from __future__ import annotations

import re

_NAMES = (
    "think|thinking|thoughts?|reasoning|reason|reflection|scratchpad|analysis|inner_monologue|antthinking"
    "|seed:think"
)
_MARK = re.compile(
    rf"</?(?:{_NAMES})>|\[/?THINK\]|◁/?think▷|<\|(?:begin|end)_of_thought\|>|<\|(?:START|END)_THINKING\|>",
    re.IGNORECASE,
)
_FOLDED = re.compile(r'<details type="reasoning"[^>]*>.*?(?:</details>|\Z)', re.DOTALL)
_TITLED = re.compile(r"here(?:'s| is) my thought process:.*?here(?:'s| is) my response:", re.I | re.DOTALL)
# The answer's own frame, which is no part of it, and what ends a turn.
_FRAME = re.compile(r"<\|(?:(?:begin|end)_of_(?:solution|box)|(?:START|END)_RESPONSE)\|>")
_TURN_END = re.compile(
    r"<\|(?:im_end|eot_id|eom_id|end|return|call|endoftext|end_of_text)\|>|</s>|<end_of_turn>"
)
_TURN_START = re.compile(
    r"\A(?:\s|<s>|<bos>|<\|begin_of_text\|>|<\|im_start\|>assistant|<start_of_turn>model"
    r"|<\|start_header_id\|>assistant<\|end_header_id\|>|<\|(?:end|im_end|eot_id)\|>)++"
)
_TAGGED = re.compile(r"\s*<(answer|response|output|final_answer)>(.*)</\1>\s*", re.I | re.DOTALL)
_CHANNEL = re.compile(
    r"(?P<role><\|start\|>[^<]{0,200})?<\|channel\|>\s*(?P<name>\w*)(?P<rest>[^<]{0,200})"
    r"(?:<\|constrain\|>[^<]{0,40})?<\|message\|>"
)
_SEGMENT_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_RECIPIENT = re.compile(r"to=(?:functions\.)?([\w.-]+)")
# The same with its special tokens stripped: "analysisThe customer wants …assistantfinalDear customer".
_STRIPPED = re.compile(r"(?:assistant)?(?:analysis|commentary)(?=[^a-z\s,.:;'-]| to=)")
_SIGNS = ("<", "[", "◁", "assistant", "analysis", "commentary", "my thought process")  # one is in every mark
_STRIPPED_FINAL = re.compile(r"assistant\s?final(?=[^a-z]|\Z)")
_STRIPPED_CALL = re.compile(r"commentary to=(?:functions\.)?(\w[\w.-]*?)\s*(?:json|code)?\s*(?=\{)")


def without_reasoning(text: str) -> tuple[str, str]:
    """(the answer in `text`, what follows an opening of reasoning that is never closed).

    Reasoning is what stands in tags (`<think>`, `<thought>`, `<reasoning>`, …), in `[THINK]`, in a channel
    other than the final one (harmony), or in what stripping the special tokens leaves of these. A tool call
    in a harmony channel is given as `<function=name>{…}`. An end without a beginning ends reasoning too:
    some chat templates write the beginning themselves.
    """
    lowered = text.lower()
    if not any(sign in lowered for sign in _SIGNS):
        return text.strip(), ""
    text = _FOLDED.sub("", text).lstrip()
    if titled := _TITLED.match(text):
        text = text[titled.end() :]
    if "<|channel|>" in text and (segments := list(_CHANNEL.finditer(text))):
        return _framed(_final_channel(text, segments)), ""
    if _STRIPPED.match(text) or "assistantfinal" in text:
        return _framed(_stripped_channel(text)), ""
    said, unfinished = _outside_of_marks(text)
    return _framed(said), unfinished


def _framed(text: str) -> str:
    text = _TURN_START.sub("", _FRAME.sub("", text), count=1)
    text = _TURN_END.split(text.strip(), maxsplit=1)[0]  # after it the model played others
    tagged = _TAGGED.fullmatch(text)
    return (tagged.group(2) if tagged else text).strip()


def _final_channel(text: str, segments: list[re.Match[str]]) -> str:
    """What a harmony message says: its first tool call, else what stands in the final channel."""
    said = ""
    for segment in segments:
        ends = _SEGMENT_END.search(text, segment.end())
        body = text[segment.end() : ends.start() if ends else len(text)]
        recipient = _RECIPIENT.search((segment["role"] or "") + segment["rest"])
        if recipient:
            return f"<function={recipient.group(1)}>{body}"
        said += body if segment["name"] == "final" else ""
    return said


def _stripped_channel(text: str) -> str:
    if call := _STRIPPED_CALL.search(text):
        return f"<function={call.group(1)}>{text[call.end() :]}"
    *_, last = [match.end() for match in _STRIPPED_FINAL.finditer(text)] or [len(text)]
    return text[last:]


def _outside_of_marks(text: str) -> tuple[str, str]:
    kept, position, thinking = "", 0, False
    for tag in _MARK.finditer(text):
        closes = "/" in tag.group() or "end_" in tag.group().lower()
        if closes and not thinking:
            kept, position = "", tag.end()  # all before was thought
        elif closes != thinking:
            continue
        else:
            kept += "" if closes else text[position : tag.start()]
            position, thinking = tag.end(), not closes
    rest = text[position:]
    return (kept.strip(), rest) if thinking else ((kept + rest).strip(), "")
