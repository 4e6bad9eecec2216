"""Pieces of MP3 made into one file that says how long it is: made by LAME, at a constant and at a variable rate."""

import struct
from pathlib import Path

import pytest

from jobs.speech import mp3
from jobs.speech.audio import joined
from jobs.speech.exceptions import UnusableAudio
from tests.jobs.speech.podcasts import tone

FIXTURES = Path(__file__).parents[2] / "fixtures" / "speech"
ONE, TWO = FIXTURES / "constant-1.mp3", FIXTURES / "constant-2.mp3"
VARIABLE = FIXTURES / "variable-tagged.mp3"
#: Of 24 kHz, as ffprobe counts them.
FRAMES = {ONE: 39, TWO: 41, VARIABLE: 41}
SECONDS_OF_FRAME = 576 / 24_000


@pytest.mark.parametrize("pieces", [[ONE], [ONE, TWO], [ONE, TWO, ONE], [VARIABLE, ONE], [VARIABLE, VARIABLE]])
def test_the_frames_of_sound_stand_one_behind_the_other(tmp_path: Path, pieces: list[Path]) -> None:
    seconds = mp3.join(pieces, tmp_path / "whole.mp3")
    whole = (tmp_path / "whole.mp3").read_bytes()
    found = list(mp3.frames(whole))
    count = sum(FRAMES[piece] for piece in pieces)
    assert len(found) == count and seconds == pytest.approx(count * SECONDS_OF_FRAME)
    # Nothing stands between them, and one frame at the beginning tells of all.
    assert whole.count(b"Info") + whole.count(b"Xing") == 1 and b"ID3" not in whole and b"TAG" not in whole
    ends = [frame.offset + frame.header.size for frame in found]
    assert ends == [*(frame.offset for frame in found[1:]), len(whole)]
    at = whole.index(b"Info")
    assert struct.unpack_from(">III", whole, at + 4) == (7, count, len(whole))
    table = whole[at + 16 : at + 116]
    assert list(table) == [256 * found[count * percent // 100].offset // len(whole) for percent in range(100)]


def test_each_frame_is_the_one_that_was_sent(tmp_path: Path) -> None:
    mp3.join([ONE, TWO], tmp_path / "whole.mp3")

    def sound(content: bytes) -> list[bytes]:
        return [content[frame.offset : frame.offset + frame.header.size] for frame in mp3.frames(content)]

    both = sound(ONE.read_bytes()) + sound(TWO.read_bytes())
    assert sound((tmp_path / "whole.mp3").read_bytes()) == both


def test_a_frame_that_is_cut_off_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "cut.mp3").write_bytes(ONE.read_bytes()[:-10])
    assert mp3.join([tmp_path / "cut.mp3"], tmp_path / "whole.mp3") == pytest.approx(38 * SECONDS_OF_FRAME)


def test_pieces_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableAudio, match="different sample rates"):
        mp3.join([ONE, FIXTURES / "other-rate.mp3"], tmp_path / "whole.mp3")
    (tmp_path / "piece").write_bytes(tone(0.1))
    with pytest.raises(UnusableAudio, match="different kinds"):
        joined([ONE, tmp_path / "piece"], tmp_path, "engine", "voice")


@pytest.mark.parametrize(
    "content", [b"\xff\xf3" * 9_000, b"ID3\4\0\0\0\0\0\5abcde", b"\xff\xf3\x24\xc4" + b"x" * 9_000]
)
def test_what_only_looks_like_it_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "noise").write_bytes(content)
    with pytest.raises(UnusableAudio):
        mp3.join([tmp_path / "noise"], tmp_path / "whole.mp3")


def test_headers_of_all_kinds_are_understood() -> None:
    first = mp3.header(bytes.fromhex("fffb9064"))  # MPEG 1, 128 kbit/s, 44.1 kHz, joint stereo
    assert first is not None and (first.kilobits, first.hertz, first.mono, first.size) == (128, 44_100, False, 417)
    lower = mp3.header(bytes.fromhex("fff340c4"))  # MPEG 2, 32 kbit/s, 22.05 kHz, mono
    assert lower is not None and (lower.kilobits, lower.hertz, lower.mono, lower.size) == (32, 22_050, True, 104)
    for other in ("fff1", "fffd9064", "fffbf064", "fffb9c64", "fffb0064", "ffeb9064", "00fb9064"):
        assert mp3.header(bytes.fromhex(other)) is None
