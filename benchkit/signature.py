"""The line that says how a number was made, as long as it is and as small print."""

from __future__ import annotations

# What stands under every table and figure; the whole line stands once, in the report's method.
SMALL_PRINT = ("benchkit", "metrics", "n", "rounds", "alpha", "strata", "seed", "provider")
PACKAGES = ("nltk", "rapidfuzz", "jsonschema-rs", "scipy")  # whose version a number may depend on


def parts(signature: str) -> dict[str, str]:
    """`name:value|…` as a dict; the packages share one place, with commas."""
    found: dict[str, str] = {}
    for part in signature.split("|"):
        pieces = part.split(",") if part.partition(":")[0] in PACKAGES else [part]
        found |= {name: value for name, _, value in (piece.partition(":") for piece in pieces)}
    return found


def small_print(signature: str) -> str:
    """`signature` for the eye: `benchkit 0.1.0 · metrics 1 · cases in all 20 · …`, what tells runs apart."""
    found = parts(signature)
    names = {"n": "cases in all"}  # a table below which it stands may be of fewer
    return " · ".join(f"{names.get(name, name)} {found[name]}" for name in SMALL_PRINT if found.get(name))
