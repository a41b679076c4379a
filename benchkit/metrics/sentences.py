"""Sentences by rule, and whether a text names anything that a customer can hold on to."""

from __future__ import annotations

import re

_BULLET = re.compile(r"^\s*(?:[-*+•‣◦·–—>#]+|\(?\d{1,3}[.)]|\(?[a-zA-Z]\))\s+")
_END = re.compile(r"""[.!?…]+["'”’»)\]]*(?=\s|$)|[。！？｡][”’」』）]*""")
_LAST_WORD = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]{1,8}$")
# A full stop after the first kind ends no sentence, after the second only before a capital, and after the
# third always, save before a digit ("No. 5").
_TITLES = frozenset(
    ("mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "e.g", "i.e", "cf", "vs", "viz", "approx")
)
_TAILS = frozenset(("etc", "inc", "ltd", "co", "corp", "a.m", "p.m", "u.s", "u.k", "u.s.a", "e.u", "dept"))
_COUNTED = frozenset(("no", "nr", "fig", "ext", "tel"))


def sentences(text: str) -> list[str]:
    """The sentences of `text`, in order.

    A line break always ends one, and so does a full stop, question mark, exclamation mark or ellipsis before
    white space (in Chinese and Japanese: anywhere). A full stop does not after an abbreviation or an initial,
    and a number's point or the mark of a list item never does. Pieces without a letter or digit are dropped.
    """
    pieces = (piece for line in text.splitlines() for piece in _split(_BULLET.sub("", line)))
    return [piece.strip() for piece in pieces if any(c.isalnum() for c in piece)]


def _split(line: str) -> list[str]:
    start, pieces = 0, []
    for end in _END.finditer(line):
        if not _is_abbreviation(line, end):
            pieces.append(line[start : end.end()])
            start = end.end()
    return [*pieces, line[start:]]


def _is_abbreviation(line: str, end: re.Match[str]) -> bool:
    last = _LAST_WORD.search(line[max(0, end.start() - 16) : end.start()])
    if end.group() != "." or last is None:
        return False
    word, rest = last.group().lower(), line[end.end() : end.end() + 16].lstrip()
    if not rest:
        return False
    if word in _TAILS:
        return not rest[0].isupper()
    if word in _COUNTED:
        return rest[0].isdigit()
    return word in _TITLES or (len(word) == 1 and last.group().isupper() and word != "i")


_MONTH = (
    r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)(?:uary|ruary|ch|il|ust|tember|ober|ember)?"
)
_VERB = (
    r"(?:click|tap|press|select|choose|open|close|go to|navigate to|log (?:in|out|into)|sign (?:in|out|into)|"
    r"enter|type|scroll|restart|reboot|reset|reinstall|install|uninstall|update|upgrade|download|upload|"
    r"unplug|plug in|connect|disconnect|turn (?:on|off)|switch (?:on|off)|clear|delete|disable|enable|"
    r"dial|send|return|attach|print|submit|fill (?:in|out)|visit (?:the|your|our))"
)
_VERBING = (
    r"(?:clicking|tapping|pressing|selecting|choosing|opening|going to|navigating to|logging in|signing in|"
    r"entering|restarting|resetting|reinstalling|updating|using (?:the|your))"
)
_DONE = r"(?:refund|credit|issue|escalat|cancel|replac|ship|sen[dt]|reset|schedul|creat|updat|remov|correct)"
_CUE = r"(?:^|[.!?:,;]|\bplease|\bthen|\bfirst|\bnext|\bfinally|\bsimply|\bjust|\byou (?:can|should|need to))"
_WE_DO = (
    r"\b(?:i|we)(?:'ve| have|'ll| will|'m| am|'re| are)(?: (?:now|already|just|also|going to))?(?: been)?"
)
_SPAN = r"\d{1,4}(?: ?(?:-|to|–) ?\d{1,4})?"
_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")
# Of lower-cased text. "Today" is missing on purpose: it greets more often than it dates; so are "contact us",
# "check" and "confirm", which ask the customer instead of telling.
RESOLUTION = {
    "date": re.compile(
        rf"\b\d{{4}}-\d\d-\d\d|\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}\b"
        rf"|\b{_MONTH}\.? \d{{1,2}}\b|\b\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH}\b"
        r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\btomorrow\b"
        r"|\b\d{1,2}:\d\d\b|\b\d{1,2} ?[ap]\.?m\b"
        rf"|\b{_SPAN} (?:business |working |calendar )?(?:minute|hour|day|week|month)s?\b"
    ),
    "amount": re.compile(
        r"[$€£¥₹] ?\d|\d ?[€£¥₹%]|\d (?:usd|eur|gbp|inr|dollars?|euros?|pounds?|cents?|percent)\b"
    ),
    "reference": re.compile(
        r"#\d{2,}|\b[a-z]{1,10}[-_]?\d[-_a-z0-9]{2,}|\b\d{5,}\b|\bhttps?://\S|\bwww\.\S"
        r"|\b[\w.+-]{1,64}@[\w-]{1,64}\.\w|\+?\d[\d ()-]{6,20}\d"
        r"|\b(?:ticket|case|order|invoice|reference|confirmation|claim)(?: (?:number|no\.?|id))?:? \d"
    ),
    "step": re.compile(
        rf"{_CUE}\W{{0,6}}{_VERB}\b|\bby {_VERBING}\b|\bstep \d|^[ \t]{{0,8}}\d{{1,2}}[.)] |{_WE_DO} {_DONE}",
        re.MULTILINE,
    ),
}


def resolves(lowered: str) -> bool:
    """Whether any RESOLUTION pattern occurs in lower-cased text, `{{placeholders}}` left out."""
    text = _PLACEHOLDER.sub(" ", lowered)
    return any(
        RESOLUTION[name].search(text) for name in ("amount", "date", "step", "reference")
    )  # dear ones last
