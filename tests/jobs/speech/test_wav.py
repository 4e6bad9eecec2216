"""Pieces of WAV made into one file, whatever their headers say."""

import io
import struct
import wave
from pathlib import Path

import pytest

from jobs.speech import wav
from jobs.speech.exceptions import UnusableAudio
from tests.jobs.speech.podcasts import tone


def files(tmp_path: Path, *contents: bytes) -> list[Path]:
    paths = [tmp_path / f"{number}.wav" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def samples(content: bytes) -> bytes:
    with wave.open(io.BytesIO(content)) as file:
        return file.readframes(file.getnframes())


def with_size(content: bytes, size: int) -> bytes:
    """Give the file as a server streams it, which does not know its size when it writes the header."""
    at = content.index(b"data") + 4
    return content[:4] + struct.pack("<I", size) + content[8:at] + struct.pack("<I", size) + content[at + 4 :]


def test_the_samples_stand_one_behind_the_other_and_the_header_counts_them(tmp_path: Path) -> None:
    one, two = tone(0.5), tone(0.25)
    seconds = wav.join(files(tmp_path, one, two), tmp_path / "whole")
    assert samples((tmp_path / "whole").read_bytes()) == samples(one) + samples(two)
    with wave.open(str(tmp_path / "whole")) as whole:
        assert whole.getnframes() / whole.getframerate() == seconds == 0.75


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000, 0x7FFFFFFF, 2_000_000_000, 0])
def test_a_size_that_nobody_knew_is_counted(tmp_path: Path, size: int) -> None:
    streamed = with_size(tone(0.5), size)
    assert wav.join(files(tmp_path, streamed, streamed), tmp_path / "whole") == 1.0
    assert samples((tmp_path / "whole").read_bytes()) == samples(tone(0.5)) * 2


def test_what_is_no_sound_is_left_out(tmp_path: Path) -> None:
    content = tone(0.5)
    noted = b"LIST" + struct.pack("<I", 5) + b"INFO!\0"
    at = content.index(b"fmt ")
    both = content[:at] + noted + content[at:] + noted
    assert wav.join(files(tmp_path, both, content), tmp_path / "whole") == 1.0
    assert samples((tmp_path / "whole").read_bytes()) == samples(content) * 2


def test_an_odd_number_of_bytes_is_padded(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 1, 8_000, 0, "NONE", ""))
        file.writeframes(b"\x80" * 8_001)
    wav.join(files(tmp_path, buffer.getvalue()), tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    assert len(whole) % 2 == 0 and struct.unpack_from("<I", whole, 4)[0] == len(whole) - 8
    assert samples(whole) == b"\x80" * 8_001


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (tone(0.5)[:-100], "cut off"),
        (tone(0.5)[:44], "cut off"),
        (tone(0)[:44], "no samples"),
        (tone(0.1)[:36], "no samples"),
        (b"RIFF\0\0\0\0WAVE", "no samples"),
        (b"RIFF\0\0\0\0WAVE" + b"LIST\0\0\0\0" * 500, "no samples"),
        (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "what its samples are"),
    ],
)
def test_what_cannot_be_played_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(UnusableAudio, match=words):
        wav.join(files(tmp_path, content), tmp_path / "whole")


def test_pieces_of_other_rates_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(UnusableAudio, match="different sample rates"):
        wav.join(files(tmp_path, tone(0.1), tone(0.1, hertz=22_050)), tmp_path / "whole")
