"""What two runs were made with, where it differs: models, parameters, versions, commit, prompts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..domain import as_text
from ..llm.journal import system_prompts
from ..signature import PACKAGES, parts
from ..wording import count
from .markdown import safe, table

if TYPE_CHECKING:
    from ..run import Run

MOST_LINES = 12  # of a prompt's difference
ABSENT = "–"
MEASURED = "05"  # what later notebooks are given changes no score


def what_changed(runs: tuple[Run, Run], reports: tuple[Mapping[str, Any], Mapping[str, Any]]) -> str:
    """Markdown: a row for everything that differs, then the lines of the prompts whose text is on record.

    A prompt is known by its hash in config.json; its text, where a call on record went with it.
    """
    before, now = (_made_with(run, report) for run, report in zip(runs, reports, strict=True))
    rows = [
        {"": name, "A": as_text(before.get(name, ABSENT)), "B": as_text(now.get(name, ABSENT))}
        for name in {**before, **now}
        if before.get(name, ABSENT) != now.get(name, ABSENT)
    ]
    if not rows:
        return "Nothing that is on record: models, parameters, versions, commit and prompts are the same."
    return "\n\n".join([table(rows), *_prompts_apart(*runs)])


def _made_with(run: Run, report: Mapping[str, Any]) -> dict[str, Any]:
    """Everything on record that could make a score differ, by the name that it is said with."""
    config, measured = run.config, parts(report["signature"])
    given = {name: values for name, values in config["parameters"].items() if name < MEASURED}
    versions = config.get("versions", {}) | {name: measured[name] for name in PACKAGES if name in measured}
    return {
        "provider": config["provider"],
        "models": ", ".join(report["configuration"]["models"]),
        **{
            f"{name[:2]} {one}": value
            for name in sorted(given)
            for one, value in given[name].items()
            if one not in ("models", "candidates")
        },
        **{
            f"{name}: {key}": _digest(value)[:16] if key == "prompt" else value
            for name, one in _candidates(run).items()
            for key, value in one.items()
        },
        **{f"version of {name}": value for name, value in versions.items()},
        "git commit": config.get("git_commit") or ABSENT,
        **{f"prompt {name}": digest for name, digest in config.get("prompt_hashes", {}).items()},
    }


def _candidates(run: Run) -> dict[str, dict[str, Any]]:
    return run.parameter("03_execute", "candidates") or {}


def _prompts_apart(a: Run, b: Run) -> Iterator[str]:
    """The lines of every prompt that differ, where both texts are known."""
    for name, one in _candidates(a).items():
        yield from _lines_apart(name, one.get("prompt", ""), _candidates(b).get(name, {}).get("prompt", ""))
    hashes: list[Mapping[str, str]] = [run.config.get("prompt_hashes", {}) for run in (a, b)]
    if hashes[0] == hashes[1]:
        return
    texts = {_digest(text): text for run in (a, b) for text in system_prompts(run.path / "calls.sqlite")}
    for name, digest in hashes[0].items():
        yield from _lines_apart(name, texts.get(digest, ""), texts.get(hashes[1].get(name, ""), ""))


def _lines_apart(name: str, a: str, b: str) -> Iterator[str]:
    """What is only in one of two texts; nothing where one is not known."""
    if a and b and a != b:
        lines = [*unified_diff(a.splitlines(), b.splitlines(), n=0)][2:]
        said = [f"- {_WORD[line[0]]}: {safe(line[1:])}" for line in lines if line[0] in _WORD]
        more = [f"- and {count(len(said) - MOST_LINES, 'line')} more"] if len(said) > MOST_LINES else []
        yield "\n".join([f"Prompt {safe(name)}:", "", *said[:MOST_LINES], *more])


_WORD = {"-": "only in A", "+": "only in B"}


def _digest(text: str) -> str:
    """The hash that config.json holds of a prompt's file, which ends its text with a line's end."""
    return sha256(f"{text}\n".encode()).hexdigest()[:16]
