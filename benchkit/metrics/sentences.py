"""Sentences by rule, and whether a text names anything that a customer can hold on to."""

from __future__ import annotations

import re
from functools import lru_cache

_BULLET = re.compile(r"^\s*(?:[-*+•‣◦·–—>#]+|\(?\d{1,3}[.)]|\(?[a-zA-Z]\))\s+")
# A pattern that begins with a set of characters is sought far faster than one that begins otherwise.
_END = re.compile(r"""[.!?…。！？｡](?:(?<=[.!?…])[.!?…]*["'”’»)\]]*(?=\s|$)|(?<=[。！？｡])[”’」』）]*)""")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
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
    pieces = (piece for line in text.splitlines() for piece in _split(line))
    return [piece.strip() for piece in pieces if _LETTER_OR_DIGIT.search(piece)]


def _split(line: str) -> list[str]:
    bullet, start, pieces = _BULLET.match(line), 0, []
    line = line[bullet.end() :] if bullet else line
    for end in _END.finditer(line):
        if end.group() != "." or not _is_abbreviation(line, end):
            pieces.append(line[start : end.end()])
            start = end.end()
    return [*pieces, line[start:]]


def _is_abbreviation(line: str, end: re.Match[str]) -> bool:
    rest = line[end.end() : end.end() + 16].lstrip()
    said = _last_word(line[max(0, end.start() - 16) : end.start()].rpartition(" ")[2]) if rest else ""
    word = said.lower()
    if word in _TAILS:
        return not rest[0].isupper()
    if word in _COUNTED:
        return rest[0].isdigit()
    return word in _TITLES or (len(word) == 1 and said.isupper() and word != "i")


@lru_cache(maxsize=1 << 12)
def _last_word(piece: str) -> str:
    last = _LAST_WORD.search(piece)
    return last.group() if last else ""


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
_CUE = r"(?:please|then|first|next|finally|simply|just|you (?:can|should|need to))"
_WE_DO = r"(?:i|we)(?:'ve| have|'ll| will|'m| am|'re| are)(?: (?:now|already|just|also|going to))?(?: been)?"
_SPAN = r"\d{1,4}(?: ?(?:-|to|–) ?\d{1,4})?"
_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")
# All are of lower-cased text after a line break. "Today" is missing on purpose: it greets more often than it
# dates; so are "contact us", "check" and "confirm", which ask the customer instead of telling.
_WITH_DIGIT = {
    "date": rf"\b\d{{4}}-\d\d-\d\d|\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}\b"
    rf"|\b{_MONTH}\.? \d{{1,2}}\b|\b\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH}\b"
    r"|\b\d{1,2}:\d\d\b|\b\d{1,2} ?[ap]\.?m\b"
    rf"|\b{_SPAN} (?:business |working |calendar )?(?:minute|hour|day|week|month)s?\b",
    "amount": r"[$€£¥₹] ?\d|\d ?[€£¥₹%]|\d (?:usd|eur|gbp|inr|dollars?|euros?|pounds?|cents?|percent)\b",
    "reference": r"#\d{2,}|\b[a-z]{1,10}[-_]?\d[-_a-z0-9]{2,}|\b\d{5,}\b|\+?\d[\d ()-]{6,20}\d"
    r"|\b(?:ticket|case|order|invoice|reference|confirmation|claim)(?: (?:number|no\.?|id))?:? \d",
    "step": r"\bstep \d|\n[ \t]{0,8}\d{1,2}[.)] ",
}
# Each reaches at most so far beyond its digits, so that nothing else of a text is looked at: sets first, for
# what begins with a set of characters is sought fastest.
_BEFORE, _AFTER = 30, 40
_DIGITS = re.compile(rf"\d(?:.{{0,{_AFTER}}}\d)*", re.DOTALL)
_NUMBERED = re.compile("|".join(_WITH_DIGIT.values()))
_WORDED = [  # (what a text has that has the pattern, the pattern)
    ("day", re.compile(r"\W(?:mon|tues|wednes|thurs|fri|satur|sun)day\b")),
    ("tomorrow", re.compile(r"\Wtomorrow\b")),
    ("://", re.compile(r"\Whttps?://\S")),
    ("www.", re.compile(r"\Wwww\.\S")),
    ("@", re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,64}\.\w")),
    ("by ", re.compile(rf"\Wby {_VERBING}\b")),
    ("", re.compile(rf"[.!?:,;\n]\W{{0,6}}{_VERB}\b")),
    ("", re.compile(rf"\W(?:{_CUE}\W{{0,6}}{_VERB}\b|{_WE_DO} {_DONE})")),
]


def resolves(lowered: str) -> bool:
    """Whether lower-cased text names a date, an amount, a reference or a step; `{{placeholders}}` do not."""
    text = "\n" + (_PLACEHOLDER.sub(" ", lowered) if "{{" in lowered else lowered)
    near = ((found.start() - _BEFORE, found.end() + _AFTER) for found in _DIGITS.finditer(text))
    if any(_NUMBERED.search(text, max(0, start), end) for start, end in near):
        return True
    return any(sign in text and pattern.search(text) for sign, pattern in _WORDED)
