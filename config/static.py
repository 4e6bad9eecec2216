"""Static files, gathered for whitenoise when there are new ones."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from config.env import Settings


def collect_if_changed(env: Settings) -> None:
    """Gather the static files, unless exactly these have been gathered already."""
    if env.debug:
        return
    stamp = env.static_root / ".gathered-from"
    sources = hashlib.sha256("\n".join(sorted(_sources())).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != sources:
        call_command("collectstatic", verbosity=0, interactive=False)
        stamp.write_text(sources)


def _sources() -> Iterator[str]:
    for finder in get_finders():
        for name, storage in finder.list([]):
            path = Path(storage.path(name))
            yield f"{path} {path.stat().st_mtime_ns}"
