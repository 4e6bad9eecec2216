"""WAV files: several made into one, with a header that says how long it is.

Servers that stream write their header first, with a length that they cannot know yet (OpenAI's is 0xFFFFFFFF,
espeak-ng's on a pipe 0x7FFFF000), so the length is counted here.
"""

import shutil
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from jobs.speech.exceptions import UnusableAudio

#: A length above what any file here has is a placeholder.
_PLACEHOLDER: Final = 1 << 28
_MOST_CHUNKS: Final = 100


@dataclass(frozen=True, slots=True)
class Samples:
    """Where the samples of a file are, and in which form."""

    #: The body of the chunk "fmt ".
    form: bytes
    offset: int
    size: int

    @property
    def bytes_per_second(self) -> int:
        return int(struct.unpack_from("<I", self.form, 8)[0])

    @property
    def seconds(self) -> float:
        return self.size / self.bytes_per_second


def read(file: IO[bytes]) -> Samples:
    """Find the samples; raises UnusableAudio for what is no WAV, is cut off, or has none."""
    end = file.seek(0, 2)
    file.seek(12)
    form = b""
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        name, size = struct.unpack("<4sI", head)
        if name == b"data":
            return _samples(form, file.tell(), size, end)
        if name == b"fmt ":
            form = file.read(min(size, 64))
            size -= len(form)
        # Chunks begin at even places.
        file.seek(size + size % 2, 1)
    raise UnusableAudio("The WAV has no samples.")


def _samples(form: bytes, offset: int, size: int, end: int) -> Samples:
    if len(form) < 16 or not (frame := struct.unpack_from("<H", form, 12)[0]):
        raise UnusableAudio("The WAV does not say what its samples are.")
    there = end - offset
    if size > there and size < _PLACEHOLDER:
        raise UnusableAudio("The WAV is cut off.")
    # Zero is what some write who cannot know it; others put more chunks behind the samples.
    size = min(size or there, there)
    samples = Samples(form, offset, size - size % frame)
    if not samples.size or not samples.bytes_per_second:
        raise UnusableAudio("The WAV has no samples.")
    return samples


def join(pieces: Sequence[Path], target: Path) -> float:
    """Write the samples of all pieces behind one header; gives the seconds. Raises UnusableAudio."""
    found = []
    for piece in pieces:
        with piece.open("rb") as file:
            found.append(read(file))
    form = found[0].form
    if any(each.form != form for each in found):
        raise UnusableAudio("The pieces have different sample rates or widths.")
    size = sum(each.size for each in found)
    with target.open("wb") as out:
        out.write(_header(form, size))
        for piece, samples in zip(pieces, found, strict=True):
            _copy(piece, samples, out)
        out.write(b"\0" * (size % 2))
    return size / found[0].bytes_per_second


def _header(form: bytes, size: int) -> bytes:
    chunk = struct.pack("<4sI", b"fmt ", len(form)) + form + b"\0" * (len(form) % 2)
    length = 4 + len(chunk) + 8 + size + size % 2
    return struct.pack("<4sI4s", b"RIFF", length, b"WAVE") + chunk + struct.pack("<4sI", b"data", size)


def _copy(piece: Path, samples: Samples, out: IO[bytes]) -> None:
    with piece.open("rb") as file:
        file.seek(samples.offset)
        left = samples.size
        while left:
            part = file.read(min(left, shutil.COPY_BUFSIZE))  # type: ignore[attr-defined]
            out.write(part)
            left -= len(part)
