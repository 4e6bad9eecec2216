"""A server that speaks as OpenAI's does: POST {base}/audio/speech, and audio comes back."""

import json
import ssl
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Final, Self

from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from jobs import conf
from jobs.articles.addresses import system_addresses
from jobs.articles.connections import connect
from jobs.articles.deadline import Deadline
from jobs.articles.exceptions import FetchTimedOut, HostUnknown
from jobs.articles.urls import Target, judge
from jobs.speech.answers import check_status, keep_body
from jobs.speech.audio import Paying, Stop, kind_of
from jobs.speech.exceptions import SpeechFailed, SpeechRefused, SpeechTimedOut
from jobs.speech.hanging_up import hanging_up

_CONNECT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the server is, and what it is asked for."""

    target: Target
    #: Never part of an error, whatever the server answers.
    key: str
    model: str
    voice: str
    form: str
    #: Seconds for one piece, to its last byte.
    timeout: float

    @classmethod
    def configured(cls, voice: str | None = None) -> Self | None:
        """Read the settings; None where there is no server."""
        base = conf.speech_base_url()
        if not base:
            return None
        target = judge(f"{base}/audio/speech", any_port=True)
        voice = voice or conf.speech_voice()
        return cls(
            target, conf.speech_api_key(), conf.speech_model(), voice, conf.speech_format(), conf.speech_timeout()
        )

    def speak(self, pieces: Sequence[str], directory: Path, total: Deadline, paying: Paying, stop: Stop) -> list[Path]:
        """Have each piece spoken into a file of its own. Raises RateLimitError and the errors of speech."""
        files = []
        for number, piece in enumerate(pieces):
            stop()
            file = directory / f"piece-{number}"
            with paying(self.model, len(piece), total.remaining(self.timeout)):
                self._piece(piece, file, total, stop)
                # What cannot be played has been paid for, and is no answer.
                kind_of(file)
            files.append(file)
        return files

    def _piece(self, text: str, file: Path, total: Deadline, stop: Stop) -> None:
        """Ask for one piece; nothing about it may outlive its time, however the server spreads its bytes."""
        host = self.target.host
        try:
            deadline = Deadline(total.remaining(self.timeout))
            addresses = system_addresses(host, self.target.port, deadline.remaining(_CONNECT_SECONDS))
            with connect(self.target, addresses, deadline, _CONNECT_SECONDS, _tls) as connection:
                self._ask(connection, text, file, deadline, stop)
        except ssl.SSLCertVerificationError as exc:
            raise SpeechRefused(f"The certificate of the speech server {host} cannot be trusted.") from exc
        except FetchTimedOut:
            raise SpeechTimedOut(f"The speech server {host} did not answer in time.") from None
        except HostUnknown:
            raise SpeechFailed(f"The host of the speech server, {host}, is not known.") from None
        except (HTTPError, HTTPException, OSError) as exc:
            # Without the error behind it: some repeat the request, and with it the key.
            if deadline.passed:
                raise SpeechTimedOut(f"The speech server {host} did not answer in time.") from None
            raise SpeechFailed(f"The speech server {host} failed: {type(exc).__name__}.") from None

    def _ask(self, connection: HTTPConnection, text: str, file: Path, deadline: Deadline, stop: Stop) -> None:
        connection.timeout = deadline.remaining()
        asked = {"model": self.model, "voice": self.voice, "input": text, "response_format": self.form}
        body = json.dumps(asked, ensure_ascii=False).encode()
        with hanging_up(connection.sock, stop):
            connection.request("POST", self.target.path, body=body, headers=self._headers(), preload_content=False)
            response: HTTPResponse = connection.getresponse()
            with closing(response):
                deadline.remaining()  # the guard's shutdown looks like the end of the headers
                check_status(response, self.key)
                keep_body(response, file, self.key)
                deadline.remaining()  # and like that of a body without a length

    def _headers(self) -> dict[str, str]:
        headers = {
            "User-Agent": "Ekiden",
            "Accept": "audio/*",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "Connection": "close",
        }
        return {**headers, "Authorization": f"Bearer {self.key}"} if self.key else headers


def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
