"""The files of podcasts in Django's storage: none without a row for long, and no row without its file.

A file cannot be written in a transaction. So its name is noted before, as that of a loose file; the row that takes it
ends that, in the transaction that fences the job. A row that goes leaves a note as well (let_go_of_audio.sql). Whatever
is noted when its time has come is deleted by a chore, however the process that wrote it has ended.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.core.files import File
from django.core.files.storage import Storage
from django.db import transaction

from jobs.models import LooseFile, Podcast
from jobs.models.columns import ClockTimestamp
from jobs.speech.exceptions import SpeechFailed

_logger = logging.getLogger(__name__)

#: A job that makes one has ended long before.
WITHIN: Final = timedelta(hours=1)
CHORE: Final = "loose_files"
INTERVAL: Final = 60.0
#: Of one run of the chore.
MOST_AT_ONCE: Final = 500
MOST_SECONDS: Final = 45.0


def storage() -> Storage:
    field: Any = Podcast._meta.get_field("audio")
    return field.storage  # type: ignore[no-any-return]


@contextmanager
def stored(path: Path, name: str) -> Iterator[str]:
    """Store a file and give the name that it got; a block that fails takes it back.

    The block has to `take` it, in the transaction that writes its row.
    """
    field: Any = Podcast._meta.get_field("audio")
    wanted = storage().get_available_name(field.generate_filename(Podcast(), name), max_length=field.max_length)
    LooseFile.objects.announce(wanted, WITHIN)
    kept = wanted
    try:
        with path.open("rb") as file:
            kept = storage().save(wanted, File(file, name=wanted), max_length=field.max_length)
        if kept != wanted:
            # Another file of this name came in between, which is not ours to delete.
            LooseFile.objects.announce(kept, WITHIN)
            LooseFile.objects.filter(name=wanted).delete()
        yield kept
    except BaseException:
        _take_back(kept)
        raise


def take(name: str) -> None:
    """Say that a row has the file, in the transaction that writes the row; raises SpeechFailed if it is gone."""
    if not LooseFile.objects.filter(name=name).delete()[0]:
        raise SpeechFailed("The file was cleared away before its podcast was written.")


def is_there(podcast: Podcast) -> bool:
    return storage().exists(str(podcast.audio.name))


def tidy() -> int:
    """Delete the files whose time has come, so many at most; gives how many. An error is raised behind the others."""
    end = time.monotonic() + MOST_SECONDS
    names = LooseFile.objects.due().order_by("due_at").values_list("name", flat=True)[:MOST_AT_ONCE]
    gone, failure = 0, None
    for name in list(names):
        if time.monotonic() > end:
            break
        try:
            gone += _delete(name)
        except Exception as exc:  # noqa: BLE001 - of any storage; told when the others are done
            failure = exc
            LooseFile.objects.filter(name=name).update(due_at=ClockTimestamp() + WITHIN)
    if failure is not None:
        raise failure
    return gone


def _delete(name: str) -> int:
    """Delete one file, unless somebody else is at it or a row has taken it."""
    with transaction.atomic():
        if not LooseFile.objects.due().filter(name=name).select_for_update(skip_locked=True).exists():
            return 0
        storage().delete(name)
        LooseFile.objects.filter(name=name).delete()
    return 1


def _take_back(name: str) -> None:
    try:
        storage().delete(name)
        LooseFile.objects.filter(name=name).delete()
    except Exception:
        _logger.warning("the file %s stays until it is cleared away", name, exc_info=True)
