"""How Japanese is read: espeak-ng knows kana alone, and says "Chinese letter" for each kanji, so MeCab comes first."""

import re
from pathlib import Path
from typing import Final

from jobs.articles.deadline import Deadline
from jobs.speech import programs
from jobs.speech.audio import Stop
from jobs.speech.exceptions import NoEngine, SpeechFailed

_PROGRAM: Final = "mecab"
_KANJI: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff々]")
#: The part of the kanji that may be left, of names that are in no dictionary.
_LEFT: Final = 0.1
#: What each word is replaced by: the spaces before it and its pronunciation, which is the ninth of its features.
_FORMAT: Final = (r"--node-format=%pS%f[8]", "--unk-format=%pS%M", r"--eos-format=\n")
#: Debian's, which need not be the one that its mecab takes by itself; elsewhere that one is.
_DICTIONARY: Final = Path("/var/lib/mecab/dic/ipadic-utf8")
#: A paragraph is one line, which is parted in the middle of a word if it is longer than the buffer.
_BUFFER: Final = "65536"


def spoken(script: str, language: str, directory: Path, deadline: Deadline, stop: Stop) -> str:
    """Write kanji as they are pronounced; raises NoEngine where there is no MeCab with a dictionary that says it."""
    kanji = len(_KANJI.findall(script)) if language == "ja" else 0
    if not kanji:
        return script
    program = programs.find(_PROGRAM)
    if program is None:
        raise NoEngine(
            "espeak-ng cannot read kanji by itself: install mecab and mecab-ipadic-utf8, or set SPEECH_BASE_URL."
        )
    output = directory / "readings.txt"
    chosen = ["-d", str(_DICTIONARY)] if _DICTIONARY.is_dir() else []
    command = [program, *chosen, "-b", _BUFFER, *_FORMAT]
    ended = programs.run(command, script + "\n", output, seconds=deadline.remaining(), stop=stop)
    if ended.code:
        raise SpeechFailed(f"mecab ended with {ended.code}: {ended.words}")
    text = output.read_text("utf-8", "replace").strip()
    if not text or len(_KANJI.findall(text)) > kanji * _LEFT:
        raise NoEngine("The dictionary of mecab does not say how words are pronounced: install mecab-ipadic-utf8.")
    return text
