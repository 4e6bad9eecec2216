"""Speech by espeak-ng, a small program that knows a hundred languages: understandable, and a machine's voice."""

import re
from pathlib import Path
from typing import Final

from jobs.articles.deadline import Deadline
from jobs.speech import programs, readings
from jobs.speech.audio import Stop
from jobs.speech.exceptions import SpeechFailed, VoiceMissing

PROGRAM: Final = "espeak-ng"
#: Where its voice for a language has another name.
_VOICES: Final = {"zh": "cmn", "no": "nb", "en": "en-us"}
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,2}")


def voice_of(language: str) -> str:
    """Name the voice for a language; raises VoiceMissing for what is no language."""
    if not _LANGUAGE.fullmatch(language):
        raise VoiceMissing(f"There is no language {language!r}.")
    return _VOICES.get(language, language)


def speak(
    program: str, script: str, language: str, voice: str, directory: Path, deadline: Deadline, stop: Stop
) -> list[Path]:
    """Have a script spoken into a WAV file; raises VoiceMissing where the voice is not installed."""
    script = readings.spoken(script, language, directory, deadline, stop)
    output = directory / "spoken.wav"
    # 145 words a minute: its own 175 are hard to follow for longer than a sentence.
    command = [program, "-v", voice, "-s", "145", "-b", "1", "--stdin", "--stdout"]
    ended = programs.run(command, script, output, seconds=deadline.remaining(), stop=stop)
    if ended.code and "voice" in ended.words:
        raise VoiceMissing(f"espeak-ng has no voice {voice!r}: `espeak-ng --voices` lists those that it has.")
    if ended.code:
        raise SpeechFailed(f"espeak-ng ended with {ended.code}: {ended.words}")
    return [output]
