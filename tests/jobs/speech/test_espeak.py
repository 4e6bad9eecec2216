"""Speech by espeak-ng itself, and what becomes of programs that do not end by themselves."""

import stat
import time
import wave
from pathlib import Path

import psutil
import pytest
from pytest_django import Settings

from jobs.exceptions import JobCancelled, NonRetryableError
from jobs.speech import programs
from jobs.speech.exceptions import AudioTooLarge, NoEngine, SpeechFailed, SpeechTimedOut, VoiceMissing
from jobs.speech.speaking import speak
from tests.programs import needs

ENGLISH = "Ekiden is a relay race. Each runner hands over the sash."
JAPANESE = "駅伝は1917年に始まりました。選手が襷を渡します。"


@pytest.fixture
def espeak() -> None:
    needs("espeak-ng")


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory that is all of the PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


def program(directory: Path, name: str, script: str) -> None:
    file = directory / name
    file.write_text(f"#!/bin/bash\nPATH=/usr/bin:/bin\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.mark.usefixtures("espeak")
@pytest.mark.parametrize(
    ("language", "script", "voice"),
    [("en", ENGLISH, "en-us"), ("de", "Der Staffellauf beginnt in Kyoto.", "de"), ("zh", "接力赛从京都开始。", "cmn")],
)
def test_a_script_becomes_a_file_of_its_length(tmp_path: Path, language: str, script: str, voice: str) -> None:
    spoken = speak(script, language, tmp_path)
    with wave.open(str(spoken.path)) as file:
        assert file.getnframes() / file.getframerate() == spoken.duration_seconds
        assert any(file.readframes(file.getnframes()))
    assert 1 < spoken.duration_seconds < 20
    assert (spoken.engine, spoken.voice, spoken.content_type) == ("espeak-ng", voice, "audio/wav")


@pytest.mark.usefixtures("espeak")
def test_japanese_is_read_and_not_spelt(tmp_path: Path) -> None:
    needs("mecab", "mecab mecab-ipadic-utf8")
    spoken = speak(JAPANESE, "ja", tmp_path)
    assert (
        tmp_path / "readings.txt"
    ).read_text().strip() == "エキデンワ1917ネンニハジマリマシタ。センシュガタスキヲワタシマス。"
    assert 3 < spoken.duration_seconds < 12


@pytest.mark.usefixtures("espeak")
def test_a_voice_of_ones_own_choice(tmp_path: Path) -> None:
    assert speak(ENGLISH, "en", tmp_path, voice="en-gb-scotland").voice == "en-gb-scotland"


@pytest.mark.usefixtures("espeak")
@pytest.mark.parametrize(("language", "voice"), [("en", "nobody"), ("xx", None), ("../etc", None)])
def test_a_voice_that_is_not_there_is_said_so(tmp_path: Path, language: str, voice: str | None) -> None:
    with pytest.raises(VoiceMissing, match=r"no voice|no language"):
        speak(ENGLISH, language, tmp_path, voice=voice)


def test_with_nothing_to_speak_with_one_sentence_says_what_to_do(only: Path, tmp_path: Path) -> None:
    with pytest.raises(NonRetryableError) as raised:
        speak(ENGLISH, "en", tmp_path)
    assert str(raised.value) == (
        "There is nothing to speak with: install espeak-ng on the workers' hosts, or set SPEECH_BASE_URL."
    )


def test_kanji_need_somebody_who_reads_them(only: Path, tmp_path: Path) -> None:
    program(only, "espeak-ng", "cat > /dev/null")
    with pytest.raises(NoEngine, match="install mecab and mecab-ipadic-utf8"):
        speak(JAPANESE, "ja", tmp_path)
    program(only, "mecab", "cat")  # whose dictionary knows no readings
    with pytest.raises(NoEngine, match="dictionary of mecab"):
        speak(JAPANESE, "ja", tmp_path)


def test_a_program_that_fails_is_quoted(only: Path, tmp_path: Path) -> None:
    program(only, "espeak-ng", "echo out of order >&2; exit 3")
    with pytest.raises(SpeechFailed, match="espeak-ng ended with 3: out of order"):
        speak(ENGLISH, "en", tmp_path)


def test_a_program_that_does_not_end_is_killed(only: Path, tmp_path: Path) -> None:
    program(only, "espeak-ng", f"echo $$ > {tmp_path}/pid; exec sleep 60")
    with pytest.raises(SpeechTimedOut, match="espeak-ng took too long"):
        speak(ENGLISH, "en", tmp_path, seconds=0.5)
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_whoever_cancels_ends_the_program(only: Path, tmp_path: Path) -> None:
    program(only, "espeak-ng", f"echo $$ > {tmp_path}/pid; exec sleep 60")
    began = time.monotonic()

    def stop() -> None:
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            raise JobCancelled

    with pytest.raises(JobCancelled):
        speak(ENGLISH, "en", tmp_path, stop=stop)
    assert time.monotonic() - began < 30
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_program_gets_neither_all_the_room_nor_all_the_memory(
    only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "MOST_BYTES", 1 << 20)
    program(only, "espeak-ng", "cat > /dev/null; exec cat /dev/zero")
    with pytest.raises(AudioTooLarge):
        speak(ENGLISH, "en", tmp_path)
    monkeypatch.setattr(programs, "_MEMORY", 64 << 20)
    program(
        only, "espeak-ng", "cat > /dev/null; x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo -n ${#x} >&2; exit 9"
    )
    with pytest.raises(SpeechFailed) as raised:
        speak(ENGLISH, "en", tmp_path)
    assert "200000000" not in str(raised.value)


def test_a_server_of_the_settings_comes_first(settings: Settings, only: Path, tmp_path: Path) -> None:
    settings.SPEECH_BASE_URL = "http://127.0.0.1:1/v1"
    program(only, "espeak-ng", f"touch {tmp_path}/asked")
    with pytest.raises(SpeechFailed, match="speech server"):
        speak(ENGLISH, "en", tmp_path)
    assert not (tmp_path / "asked").exists()
