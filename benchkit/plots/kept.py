"""Figures that an earlier notebook made, read back from their files with caption, alt text and signature."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .chart import FILE_DPI, SCREEN_DPI, Picture

CAPTION, ALT, SIGNATURE = "Title", "Description", "Comment"  # the PNG texts that a chart is saved with


@dataclass(frozen=True)
class Kept(Picture):
    """A picture as it lies in its file; it is signed already and is saved as it was."""

    png: bytes = field(repr=False)
    caption: str
    alt: str
    signature: str
    width_px: int

    def signed(self, signature: str) -> Kept:
        return self

    def save(self, path: str | Path) -> Path:
        Path(path).write_bytes(self.png)
        return Path(path)


def kept_figures(folder: Path, names: Iterable[str]) -> dict[str, Kept]:
    """The figures whose names begin with one of `names`, by name; what cannot be read is not there."""
    paths = [path for begin in names for path in sorted(folder.glob(f"{begin}*.png"))]
    found = {path.stem: read_figure(path) for path in paths}
    return {name: one for name, one in found.items() if one and one.caption}


def read_figure(path: Path) -> Kept | None:
    """A figure from its file; None for one that is no picture or is cut off."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            picture.load()
            told = {str(name): text for name, text in picture.info.items() if isinstance(text, str)}
            width = round(picture.width * SCREEN_DPI / FILE_DPI)
        caption, alt, signature = (told.get(name, "") for name in (CAPTION, ALT, SIGNATURE))
        return Kept(path.read_bytes(), caption, alt, signature, width)
    except (OSError, ValueError, SyntaxError):  # what Pillow raises for broken files
        return None
