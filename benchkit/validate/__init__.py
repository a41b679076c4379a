"""02: what needs no model first; then the validator scores, and rejects go back to the generator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from ..errors import InputError
from ..llm.client import Client
from ..run.rows import FLAGGED, rows_used
from .checks import LIKE, Checked, check_cases
from .judging import judged
from .requirements import CHECK, Doubts, is_unfit

Rewrite = Callable[[pd.DataFrame], Awaitable[pd.DataFrame]]
VERDICT = ("prompt_quality_score", "response_quality_score", "validation_message", "validation_timestamp")


@dataclass(frozen=True)
class Outcome:
    """Accepted cases, rejected ones with `reason`, and how the one became the other."""

    accepted: pd.DataFrame
    rejected: pd.DataFrame
    doubted: frozenset[str] = frozenset()  # ids of accepted cases that the validator would have turned down

    @property
    def sound(self) -> pd.DataFrame:
        """The accepted cases that the validator had no doubt of: those that may be planted as good ones."""
        return self.accepted[~self.accepted["id"].isin(self.doubted)]

    @property
    def used(self) -> str:
        """How many of the cases are used, and why the others are not; one written anew counts once."""
        parents = {*self.accepted["parent_id"], *self.rejected["parent_id"]}
        lost = self.rejected[~self.rejected["id"].isin(parents)]
        flagged = int(self.accepted["validation_message"].str.startswith(FLAGGED).sum())
        return rows_used(len(self.accepted), lost["reason"], flagged)

    @property
    def yields(self) -> pd.DataFrame:
        """Cases per kind, category and attempt: how many there were, accepted and rejected."""
        tables = self.accepted.assign(outcome="accepted"), self.rejected.assign(outcome="rejected")
        groups = pd.concat(tables).groupby(["test_case", "category", "attempt"])["outcome"]
        counts = groups.value_counts().unstack(fill_value=0)
        counts = counts.reindex(columns=["accepted", "rejected"], fill_value=0)
        counts.insert(0, "cases", counts.sum(axis=1))
        return counts.rename_axis(columns=None).reset_index()

    @property
    def reasons(self) -> pd.Series:
        """How many cases each kind of reason turned down."""
        return self.rejected["reason"].astype(str).str.split(":").str[0].value_counts().rename("cases")

    @property
    def requirement_failures(self) -> pd.DataFrame:
        """How many cases failed which check of their requirements, and were rejected or flagged for it."""
        texts = {"rejected": self.rejected["reason"], "flagged": self.accepted["validation_message"]}
        found = {name: said.str.extractall(CHECK)[0].value_counts() for name, said in texts.items()}
        return pd.DataFrame(found).fillna(0).astype(int).rename_axis("check of the requirements")

    def require_accepted(self) -> None:
        """Raises InputError when no case is left to go on with."""
        if not len(self.accepted):
            why = "; ".join(f"{n} × {reason}" for reason, n in self.reasons.head(3).items())
            raise InputError(
                f"0 of {len(self.rejected)} cases were accepted ({why}). "
                "Read rejected_tests.csv, then mend the cases, lower quality_threshold "
                "or change the validator."
            )


async def validate(
    cases: pd.DataFrame,
    client: Client,
    model: str = "",
    *,
    enable_validation: bool = True,
    threshold: float = 4,
    rewrite: Rewrite | None = None,
    max_regenerations: int = 2,
    flag_only: bool = False,
    findings: Checked | None = None,
    doubts: Doubts | None = None,
) -> Outcome:
    """Check, judge and, where `rewrite` can, have rejected cases written anew, `max_regenerations` times.

    Without validation, or without `rewrite`, findings that are not fatal are flagged and reject nothing;
    with `flag_only`, as for cases that a person brought, the validator's doubts are flagged too. A flag
    stands in `validation_message`. `findings` is what `check_cases` found, so that it is not run again.
    `doubts` (`requirements_judge`) has the judge try the requirements of what the validator accepts.
    """
    accepted, rejected = _nothing(cases), _nothing(cases)
    generated = rewrite is not None
    rewrite = rewrite if enable_validation and not flag_only else None
    pending = cases
    for attempt in range(max_regenerations + 1):
        looked = findings if not attempt else None
        found = looked or check_cases(pending, accepted, generated=generated)
        good, bad = _sorted_out(pending, found, lenient=rewrite is None)
        if enable_validation and len(good):
            good = await judged(good, client, model, threshold)
            good, refused = _parted(good, list(good["reason"]), lambda doubt: bool(doubt) and not flag_only)
            bad = _join(bad, refused)
        if enable_validation and doubts and len(good):
            doubted = await doubts(good, _join(accepted, good))
            good, unfit = _parted(good, doubted, lambda doubt: is_unfit(doubt) and not flag_only)
            bad = _join(bad, unfit)
        accepted, rejected = _join(accepted, good), _join(rejected, bad)
        again = bad[~bad["reason"].astype(str).str.startswith("no verdict")]
        if rewrite is None or not len(again) or attempt == max_regenerations:
            break
        pending = await rewrite(again)
    doubtful = frozenset(accepted["id"][accepted["reason"] != ""])
    return Outcome(_with_families(_told(accepted).drop(columns="reason")), _told(rejected), doubtful)


def _sorted_out(
    pending: pd.DataFrame, checked: Checked, *, lenient: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(good, bad) by what needs no model. Lenient: what is not fatal becomes a flag."""
    found = checked.findings
    stops = found if not lenient else found[found["fatal"].astype(bool)]
    table = pending.reset_index(drop=True).assign(**dict.fromkeys(VERDICT, ""), family=checked.families)
    table[list(VERDICT[:2])] = float("nan")
    for column, some in (("reason", stops), ("flags", found.drop(index=stops.index))):
        table[column] = some.groupby("row")["finding"].agg("; ".join).reindex(table.index, fill_value="")
    bad = table["reason"] != ""
    return table[~bad], table[bad]


def _parted(
    cases: pd.DataFrame, doubts: Sequence[str], is_bad: Callable[[str], bool]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(good, bad) by a doubt a case; of those that are good it is one flag more."""
    bad = pd.Series([is_bad(doubt) for doubt in doubts], cases.index, dtype=bool)
    flags = ["; ".join(filter(None, pair)) for pair in zip(cases["flags"], doubts, strict=True)]
    return cases.assign(flags=flags)[~bad], cases.assign(reason=list(doubts))[bad]


def _told(cases: pd.DataFrame) -> pd.DataFrame:
    """The flags in the message, before what the validator said, unless they say it."""
    told = cases["validation_message"].copy()
    for at, flags in cases["flags"][cases["flags"] != ""].items():
        told[at] = FLAGGED + "; ".join([flags] + [told[at]] * (told[at] not in flags))
    return cases.assign(validation_message=told).drop(columns="flags")


def _with_families(accepted: pd.DataFrame) -> pd.DataFrame:
    """A found family whose other cases were rejected is none."""
    found = accepted["family"].str.startswith(LIKE)
    return accepted.assign(
        family=accepted["family"].mask(found & ~accepted["family"].duplicated(keep=False), "")
    )


def _nothing(cases: pd.DataFrame) -> pd.DataFrame:
    return cases.iloc[:0].assign(family="", **dict.fromkeys((*VERDICT, "reason", "flags"), ""))


def _join(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame for frame in (first, second) if len(frame)] or [first], ignore_index=True)
