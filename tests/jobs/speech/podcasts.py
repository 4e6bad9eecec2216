"""Podcasts that are there, with files that can be played."""

import io
import math
import struct
import wave
from pathlib import Path
from typing import Any
from uuid import uuid4

from jobs.models import Podcast
from jobs.speech.files import storage


def tone(seconds: float = 1.0, hertz: int = 24_000) -> bytes:
    """Give a WAV file of a tone, 16 bits and mono."""
    samples = (round(9_000 * math.sin(n * 440 * math.tau / hertz)) for n in range(round(seconds * hertz)))
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(hertz)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return buffer.getvalue()


def stored_podcast(content: bytes | None = None, *, seconds: float = 1.0, **columns: Any) -> Podcast:
    """Store a podcast as its job would have."""
    content = tone(seconds) if content is None else content
    name = storage().save(f"podcasts/{uuid4()}.wav", io.BytesIO(content))  # type: ignore[arg-type]
    return Podcast.objects.create(
        **{
            "script": "Ekiden is a relay race.",
            "language": "en",
            "audio": name,
            "content_type": "audio/wav",
            "size_bytes": len(content),
            "duration_seconds": seconds,
            "engine": "espeak-ng",
            "voice": "en-us",
            "job_id": uuid4(),
            **columns,
        }
    )


def path_of(podcast: Podcast) -> Path:
    return Path(storage().path(str(podcast.audio.name)))
