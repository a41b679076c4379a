"""The frames of a write-ahead log, and which of them are as SQLite wrote them (sqlite.org/fileformat2.html).

SQLite reads a log up to the first frame that is wrong, and deletes the rest: with it all that was paid since.
"""

from __future__ import annotations

import struct
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_HEAD, _FRAME = 32, 24  # bytes before the first page, and before each
_INDEX = 100  # bytes of the index: what it says of the log, twice, and how much of it is in the file
_AT_ONCE = 1000  # frames, which bounds the memory


@dataclass(frozen=True)
class Log:
    """A log's whole frames: `ours` have its salt, and of those the `sound` ones' checksums hold."""

    data: bytes
    size: int  # of a page
    headed: bool  # whether the header is as it was written
    ours: list[bool]
    sound: list[bool]

    @property
    def followed(self) -> int:
        """How many frames SQLite would read, if the header is."""
        return self.sound.index(False) if False in self.sound else len(self.sound)

    @property
    def is_broken(self) -> bool:
        """Whether something is behind what SQLite would read: damage leaves that, or a commit that failed."""
        return any(self.ours[self.followed + 1 :] if self.headed else self.ours)

    @property
    def due(self) -> int:
        """How many pages the database has once those are in it; a frame that ends a commit says so."""
        for index in reversed(range(self.followed)):
            if pages := int.from_bytes(self._head(index)[4:8], "big"):
                return pages
        return 0

    def pages(self, among: slice) -> dict[int, bytes]:
        """The last sound image of each page, by its number."""
        found: dict[int, bytes] = {}
        for index in range(*among.indices(len(self.sound))):
            if self.sound[index]:
                at = _HEAD + index * (self.size + _FRAME) + _FRAME
                found[int.from_bytes(self._head(index)[:4], "big")] = self.data[at : at + self.size]
        return found

    def _head(self, index: int) -> bytes:
        at = _HEAD + index * (self.size + _FRAME)
        return self.data[at : at + _FRAME]


def log_of(path: Path, size: int) -> Log:
    """The log of the database at `path`, whose pages are of `size` unless the log's header says otherwise."""
    file = Path(f"{path}-wal")
    data = file.read_bytes() if file.exists() else b""
    order, headed = _order(data)
    stated = int.from_bytes(data[8:12], "big") if headed else 0
    size = stated or size
    count = max(0, len(data) - _HEAD) // (size + _FRAME)
    frames = np.frombuffer(data, np.uint8, count * (size + _FRAME), _HEAD) if count else np.zeros(0, np.uint8)
    frames = frames.reshape(count, size + _FRAME)
    salts = [bytes(salt) for salt in frames[:, 8:16]]
    ours = data[16:24] if headed or not count else Counter(salts).most_common(1)[0][0]
    belongs = [salt == ours for salt in salts]
    sound = [a and b for a, b in zip(belongs, _hold(data, frames, order), strict=True)]
    return Log(data, size, headed, belongs, sound)


def gone_from(path: Path) -> int:
    """How many frames the log had when the index beside it was last written, and neither it nor the file has.

    A closed journal has no index; a session that is killed leaves one.
    """
    index, file = (Path(f"{path}{suffix}") for suffix in ("-shm", "-wal"))
    head = index.read_bytes()[:_INDEX] if index.is_file() else b""
    data = file.read_bytes() if file.is_file() else b""
    if len(head) < _INDEX or head[:48] != head[48:96] or not head[32:40].startswith(data[16:24]):
        return 0  # it is not this log's
    size, had, moved = struct.unpack("=14xHI76xI", head)
    present = max(0, len(data) - _HEAD) // ((65536 if size == 1 else size) + _FRAME)
    return max(0, had - max(present, moved))


def _order(data: bytes) -> tuple[str, bool]:
    """The byte order of the checksums, and whether the header is as it was written."""
    order = {0x377F0682: "<", 0x377F0683: ">"}.get(int.from_bytes(data[:4], "big"), "")
    if order and len(data) >= _HEAD and (_due(data, order) == _stated(data)).all():
        return order, True
    return "<" if sys.byteorder == "little" else ">", False


def _due(data: bytes, order: str) -> np.ndarray:
    """The checksum that the log's header should have."""
    return _sums(np.frombuffer(data, f"{order}u4", 6).astype(np.uint32)[None])[0]


def _stated(data: bytes) -> np.ndarray:
    return np.frombuffer(data, ">u4", 2, 24).astype(np.uint32)


def _hold(data: bytes, frames: np.ndarray, order: str) -> list[bool]:
    """For each frame whether its checksum follows from the last one, as that is stated or as it should be."""
    if not len(frames):
        return []
    stated = frames[:, 16:24].copy().view(">u4").astype(np.uint32)
    own = np.vstack([_part(frames[at : at + _AT_ONCE], order) for at in range(0, len(frames), _AT_ONCE)])
    length = (frames.shape[1] - 16) // 4  # words that are summed
    due = own + _carried(np.vstack([_stated(data), stated[:-1]]), length)
    mended = own + _carried(np.vstack([_due(data, order), due[:-1]]), length)
    return list(((due == stated).all(1) | (mended == stated).all(1)).tolist())


def _part(frames: np.ndarray, order: str) -> np.ndarray:
    """What each frame adds to the checksum: its page's number, the database's size and the page."""
    summed = np.concatenate([frames[:, :8], frames[:, _FRAME:]], axis=1)
    return _sums(summed.view(f"{order}u4").astype(np.uint32, copy=False))


def _sums(words: np.ndarray) -> np.ndarray:
    """SQLite's checksum of each row, which is a sum with Fibonacci numbers for weights, modulo 2**32."""
    weights = _fibonacci(words.shape[1])[::-1]
    return np.stack([words @ weights[1:], words @ weights[:-1]], axis=1)


def _carried(sums: np.ndarray, length: int) -> np.ndarray:
    """What checksums have become `length` words on."""
    low, middle, high = _fibonacci(length + 1)[-3:]
    return sums[:, :1] * np.stack([low, middle]) + sums[:, 1:] * np.stack([middle, high])


def _fibonacci(last: int) -> np.ndarray:
    numbers = [0, 1]
    while len(numbers) <= last:
        numbers.append((numbers[-1] + numbers[-2]) % 2**32)
    return np.array(numbers, np.uint32)
