"""A spoken script as a file, and what each kind of file is: its duration is read from it, never guessed."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobs.speech import mp3, wav
from jobs.speech.exceptions import UnusableAudio

#: The most bytes of one podcast, and of one piece of it.
MOST_BYTES: Final = 100 << 20
#: Called now and then while something takes long; raises what is to end it.
Stop = Callable[[], None]
#: Around one request to a server: for so many characters to this model, within so many seconds.
Paying = Callable[[str, int, float], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Audio:
    """A file that can be played, and who spoke it."""

    path: Path
    content_type: str
    #: Of the file's name, with the dot.
    extension: str
    duration_seconds: float
    engine: str
    voice: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: what it is called, and how several are made into one that is whole."""

    content_type: str
    extension: str
    #: Gives the seconds that the new file plays.
    join: Callable[[Sequence[Path], Path], float]


KINDS: Final[Mapping[str, Kind]] = {
    "mp3": Kind("audio/mpeg", ".mp3", mp3.join),
    "wav": Kind("audio/wav", ".wav", wav.join),
}


def kind_of(path: Path) -> Kind:
    """Tell by its first bytes what a file is, whatever it was announced as; raises UnusableAudio."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        return KINDS["wav"]
    if head[:3] == b"ID3" or mp3.header(head) is not None:
        return KINDS["mp3"]
    raise UnusableAudio("What came back is neither mp3 nor wav.")


def joined(pieces: Sequence[Path], directory: Path, engine: str, voice: str) -> Audio:
    """Make one file of pieces in the order in which they are heard."""
    kind = kind_of(pieces[0])
    if any(kind_of(piece) is not kind for piece in pieces[1:]):
        raise UnusableAudio("The pieces are of different kinds.")
    target = directory / f"podcast{kind.extension}"
    seconds = kind.join(pieces, target)
    return Audio(target, kind.content_type, kind.extension, seconds, engine, voice)
