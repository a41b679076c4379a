"""Delimited text as people and programs save it: its encoding, its separator, its records."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import count, islice
from pathlib import Path
from typing import TextIO

from ..errors import InputError
from ..log import setup_logging

logger = setup_logging(__name__)
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # a zip, as .xlsx and .ods are; .xls
Row = tuple[int, list[str], str]  # number as in a spreadsheet, cells, what is wrong with it
FEW = 32  # bytes beyond ASCII; from as many, the detection of an encoding can be believed
UNUSED = frozenset(b"\x81\x8d\x8f\x90\x9d")  # bytes that are no letter in cp1252
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


def read_text(path: Path, *, guess: bool = True) -> str:
    """A text file whatever its encoding; one that had to be guessed is said once.

    UTF-8 first, then what a byte order mark names, then Western Europe's if charset-normalizer finds it
    plausible or a few accents are all there is to tell from, else its best guess. Raises InputError for a
    file that cannot be read or is a workbook, and without `guess` for one whose encoding is not told.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from None
    if data.startswith(WORKBOOKS):
        raise InputError(f"{path} is a workbook. Save its sheet as CSV (UTF-8), and name that file.")
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if not guess:
            raise InputError(f"{path} cannot be read (not UTF-8 at byte {error.start}).") from None
        return _guessed(path, data, error)


def _guessed(path: Path, data: bytes, error: UnicodeDecodeError) -> str:
    from charset_normalizer import from_bytes

    found = from_bytes(data)
    best = found.best()
    if best is None or "\x00" in str(best):
        raise InputError(f"{path} is no text in any known encoding (byte {error.start}). Save it as UTF-8.")
    western = _few_accents(data) or any("cp1252" in one.could_be_from_charset for one in found)
    name, text = ("cp1252", data.decode("cp1252")) if western else (best.encoding, str(best))
    _say(f"{path} is not UTF-8 and was read as {name}. If letters look wrong in it, save it as UTF-8.")
    return text


def _few_accents(data: bytes) -> bool:
    """Whether this is cp1252 with too few letters beyond ASCII to tell it from another encoding.

    Other alphabets have more of them: half of all bytes and above.
    """
    beyond = sum(byte > 127 for byte in data)
    return beyond < min(FEW, len(data) / 4) and not UNUSED.intersection(data)


def read_rows(
    path: Path, needed: Collection[str], known: Collection[str], *, guess: bool = True
) -> tuple[list[str], list[Row]]:
    """(names of the columns, the rows below them) of a file; a bad row says why and ends nothing.

    Cells are parted by the mark with which the first row holds all of `needed`, else by commas. Raises
    InputError as `read_text` does, and for a first row that cannot be read.
    """
    names, rows = _table(path, io.StringIO(read_text(path, guess=guess), newline=""), needed, known)
    return names, list(rows)


def read_row_chunks(
    path: Path, needed: Collection[str], known: Collection[str], size: int
) -> Iterator[tuple[list[str], list[Row]]]:
    """`read_rows` of a file in UTF-8, `size` rows at a time: all of it is never in memory."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            names, rows = _table(path, file, needed, known)
            while some := list(islice(rows, size)):
                yield names, some
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8. A file of this size has to be.") from None


def _table(
    path: Path, file: TextIO, needed: Collection[str], known: Collection[str]
) -> tuple[list[str], Iterator[Row]]:
    for mark in (*SEPARATORS, ","):
        file.seek(0)
        if file.readline(4).lower() != "sep=":  # Excel's line before the header
            file.seek(0)
        else:
            file.readline()
        rows = _records(file, mark)
        _, header, problem = next(rows, (1, [], ""))
        if set(needed) <= set(map(_plain, header)):
            break
    if mark != ",":
        _say(f"{path} was read with {SEPARATORS[mark]} between its cells.")
    if problem:
        raise InputError(f"{path} has a first row that is {problem}. Write the column names there.")
    return known_names(path, header, known), (_whole(row, len(header)) for row in rows)


def _whole(row: Row, width: int) -> Row:
    """The row, and what is wrong with it if its cells are not as many as the header's."""
    number, cells, problem = row
    if not problem and len(cells) != width:
        problem = f"has {len(cells)} cells, the header {width}"
    return number, cells, problem


def _plain(name: str) -> str:
    """In small letters, words joined by _: `Golden Response` and `golden-response` are golden_response."""
    return "_".join(name.lower().replace("-", " ").split())


def known_names(path: Path, header: Sequence[str], known: Collection[str]) -> list[str]:
    """The header with blanks taken off, and with the names that are `known` as they are written here."""
    names = [name.strip() for name in header]
    ours = [_plain(name) if _plain(name) in known else name for name in names]
    if changed := [name for name, other in zip(names, ours, strict=True) if name != other]:
        _say(f"{path}: {', '.join(changed)} was read as {', '.join(map(_plain, changed))}.")
    return ours


def _records(lines: Iterable[str], mark: str) -> Iterator[Row]:
    """The records that are not blank; one that cannot be read has no cells."""
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(lines, strict=True, delimiter=mark)
    for number in count(1):
        begins = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            where = f"line {begins}" if begins >= reader.line_num else f"lines {begins} to {reader.line_num}"
            yield number, [], f"not readable as CSV ({error}; {where})"
            continue
        if cells is None:
            return
        if cells:
            yield number, cells, ""


@cache
def _say(what: str) -> None:
    """Once: a table is read several times."""
    logger.warning("%s", what)
