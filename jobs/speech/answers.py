"""What a speech server answers: judged by its status, and kept as a file under a cap."""

import json
from pathlib import Path
from typing import Any, Final

from urllib3 import HTTPResponse

from jobs.articles.answers import retry_after
from jobs.exceptions import RateLimitError
from jobs.scrubbing import REDACTED, scrub_head
from jobs.speech.audio import MOST_BYTES
from jobs.speech.exceptions import AudioTooLarge, SpeechFailed, SpeechRefused, UnusableAudio

_PASSING: Final = frozenset({408, 409, 425})
_CHUNK: Final = 65_536
#: Of an error's body, and of what is told of it.
_MOST_READ, _MOST_TOLD = 65_536, 300
#: Means no money, which no wait mends, under the status that means too many requests.
_NO_QUOTA: Final = "insufficient_quota"


def check_status(response: HTTPResponse, key: str) -> None:
    """Raise what the status calls for: another try, a wait, or none."""
    status = response.status
    if status == 200:
        return
    code, words = _error(response, key)
    if status == 429 and code != _NO_QUOTA:
        raise RateLimitError("The speech server asks for fewer requests.", retry_after=retry_after(response))
    if status >= 500 or status in _PASSING:
        raise SpeechFailed(f"The speech server answered {status}{words}")
    if status in (401, 403):
        raise SpeechRefused(f"The speech server refuses the key of SPEECH_API_KEY with {status}{words}")
    if status < 400:
        raise SpeechRefused(f"The speech server answered {status}: set SPEECH_BASE_URL to where it really is.")
    raise SpeechRefused(f"The speech server answered {status}{words}")


def keep_body(response: HTTPResponse, file: Path, key: str) -> None:
    """Write the body into a file; raises AudioTooLarge at the cap, UnusableAudio for words instead of sound."""
    announced = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    if announced.startswith("text/") or announced.endswith(("json", "xml", "html")):
        raise UnusableAudio(f"The speech server answered {announced} instead of audio{_error(response, key)[1]}")
    size = 0
    with file.open("wb") as out:
        for part in response.stream(_CHUNK, decode_content=False):
            size += len(part)
            if size > MOST_BYTES:
                raise AudioTooLarge(f"The speech server sends more than {MOST_BYTES >> 20} MiB.")
            out.write(part)
    if not size:
        raise UnusableAudio("The speech server sent no audio.")


def _error(response: HTTPResponse, key: str) -> tuple[str, str]:
    """Read what an error says: its code, and its words ready to be told behind a status."""
    body = response.read(_MOST_READ, decode_content=False) or b""
    text = body.decode("utf-8", "replace")
    code, message = "", text
    try:
        said: Any = json.loads(text)
        error = said.get("error", said.get("detail", said)) if isinstance(said, dict) else said
        if isinstance(error, dict):
            code, error = str(error.get("code") or ""), error.get("message") or ""
        message = str(error)
    except (ValueError, RecursionError):
        message = "" if "<" in text else text
    if key:
        message = message.replace(key, REDACTED)
    message = " ".join(scrub_head(message, _MOST_TOLD).split())
    return code, f": {message}" if message else "."
