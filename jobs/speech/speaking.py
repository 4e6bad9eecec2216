"""A script made into audio: by the speech server of the settings, else by espeak-ng."""

from contextlib import nullcontext
from pathlib import Path
from typing import Final

from jobs.articles.deadline import Deadline
from jobs.articles.exceptions import FetchTimedOut
from jobs.speech import espeak, programs
from jobs.speech.audio import Audio, Paying, Stop, joined
from jobs.speech.endpoint import Endpoint
from jobs.speech.exceptions import NoEngine, SpeechTimedOut
from jobs.speech.pieces import pieces

#: Seconds for the whole of a script; the rest of the job's time is for writing it and for the file.
SECONDS: Final = 220.0


def speak(
    script: str,
    language: str,
    directory: Path,
    *,
    voice: str | None = None,
    seconds: float = SECONDS,
    paying: Paying = lambda model, characters, within: nullcontext(),
    stop: Stop = lambda: None,
) -> Audio:
    """Speak a script into a file in `directory`; `voice` is one of the engine's own names, None its usual one.

    `paying` is around each request to a server. `stop` is called now and then and raises what is to end it. Raises
    NoEngine where there is nothing to speak with, RateLimitError, and the other errors of jobs.speech.exceptions.
    """
    deadline = Deadline(seconds)
    try:
        if endpoint := Endpoint.configured(voice):
            files = endpoint.speak(pieces(script), directory, deadline, paying, stop)
            return joined(files, directory, endpoint.model, endpoint.voice)
        if program := programs.find(espeak.PROGRAM):
            voice = voice or espeak.voice_of(language)
            files = espeak.speak(program, script, language, voice, directory, deadline, stop)
            return joined(files, directory, espeak.PROGRAM, voice)
    except FetchTimedOut:
        raise SpeechTimedOut from None
    raise NoEngine
