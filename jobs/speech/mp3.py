"""MP3 files: several made into one that plays in browsers and says how long it is.

Frames may stand one behind the other, but what encoders put around them may not: tags in the middle are noise to some
players, and a Xing or Info frame tells the length of its own piece as if it were that of the whole. So only frames of
sound are taken over, and one Info frame with the right figures and a table for seeking is written before them.
"""

import mmap
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobs.speech.exceptions import UnusableAudio

#: In kbit/s, of layer III: MPEG 1, and the half rates of MPEG 2 and 2.5.
_RATES: Final = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HERTZ: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
#: Bytes that the figures in an Info frame take: name, flags, frames, bytes, table.
_INFO: Final = 4 + 4 + 4 + 4 + 100
#: Garbage between frames that is passed over; more of it is no MP3.
_MOST_GARBAGE: Final = 4096


@dataclass(frozen=True, slots=True)
class Header:
    """The four bytes that each frame begins with, understood."""

    word: bytes
    first: bool
    kilobits: int
    hertz: int
    padded: bool
    mono: bool

    @property
    def samples(self) -> int:
        return 1152 if self.first else 576

    @property
    def size(self) -> int:
        return self.samples // 8 * self.kilobits * 1000 // self.hertz + self.padded

    @property
    def info_at(self) -> int:
        """Where in a frame an encoder's own figures stand: behind the side information."""
        return 4 + ((17 if self.mono else 32) if self.first else (9 if self.mono else 17))

    @property
    def form(self) -> tuple[bool, int, bool]:
        """What has to be the same in all frames of a file."""
        return self.first, self.hertz, self.mono


@dataclass(frozen=True, slots=True)
class Frame:
    header: Header
    offset: int


def header(data: bytes) -> Header | None:
    """Read the header of a frame of layer III; None for anything else."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE6 != 0xE2:
        return None
    version, rate, hertz = data[1] >> 3 & 3, data[2] >> 4, data[2] >> 2 & 3
    # A rate of 0 is free: its frames have no length that can be known.
    if version == 1 or rate in (0, 15) or hertz == 3:
        return None
    kilobits = _RATES[version == 3][rate]
    # Padding is one bit, the channels are the two highest of the last byte.
    padded, mono = bool(data[2] & 2), data[3] >> 6 == 3
    return Header(bytes(data[:4]), version == 3, kilobits, _HERTZ[version][hertz], padded, mono)


def frames(data: bytes | mmap.mmap) -> Iterator[Frame]:
    """Find the frames of sound, without tags and without what encoders say about the file; a cut last one is left out.

    Raises UnusableAudio when there is something else in between.
    """
    at, garbage = _behind_tag(data), 0
    while at + 4 <= len(data) and data[at : at + 3] not in (b"TAG", b"APE"):
        found = header(data[at : at + 4])
        if found is None:
            at, garbage = at + 1, garbage + 1
            if garbage > _MOST_GARBAGE:
                raise UnusableAudio("What came back is no MP3.")
            continue
        if at + found.size > len(data):
            return
        if not _is_about(data, at, found):
            yield Frame(found, at)
        at += found.size


def _behind_tag(data: bytes | mmap.mmap) -> int:
    """Pass over an ID3v2 tag, whose length has seven bits in each byte."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size + (10 if data[5] & 0x10 else 0)


def _is_about(data: bytes | mmap.mmap, at: int, found: Header) -> bool:
    name = data[at + found.info_at : at + found.info_at + 4]
    return name in (b"Xing", b"Info") or data[at + 36 : at + 40] == b"VBRI"


def join(pieces: Sequence[Path], target: Path) -> float:
    """Write the frames of all pieces behind an Info frame; gives the seconds. Raises UnusableAudio."""
    starts: list[int] = []
    form: Header | None = None
    written = 0
    with target.open("wb") as out:
        for piece in pieces:
            with piece.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                for frame in frames(data):
                    if form is None:
                        form = frame.header
                        out.seek(len(_info(form, [], 0)))
                    if frame.header.form != form.form:
                        raise UnusableAudio("The pieces have different sample rates or channels.")
                    starts.append(written)
                    written += out.write(data[frame.offset : frame.offset + frame.header.size])
        if form is None:
            raise UnusableAudio("What came back is no MP3.")
        out.seek(0)
        out.write(_info(form, starts, written))
    return len(starts) * form.samples / form.hertz


def _info(form: Header, starts: Sequence[int], sound: int) -> bytes:
    """Make a silent frame that tells how many frames and bytes there are, and where each hundredth of the time is."""
    word = _large_enough(form)
    frame = header(word)
    assert frame is not None
    size = frame.size + sound
    table = bytes(
        min(255, 256 * (frame.size + starts[len(starts) * percent // 100]) // size) if starts else 0
        for percent in range(100)
    )
    told = b"Info" + struct.pack(">III", 0b111, len(starts), size) + table
    return (word + b"\0" * (frame.info_at - 4) + told).ljust(frame.size, b"\0")


def _large_enough(form: Header) -> bytes:
    """Choose the lowest rate whose frame holds the figures; without checksum and padding."""
    for index in range(1, 15):
        word = bytes([0xFF, form.word[1] | 1, index << 4 | form.word[2] & 0x0C, form.word[3]])
        found = header(word)
        if found is not None and found.size >= found.info_at + _INFO:
            return word
    raise UnusableAudio("The frames of this MP3 are too small to tell its length.")
