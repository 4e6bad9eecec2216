"""Room on the disks that this host writes to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
from django.conf import settings

from jobs.doctor.findings import Finding, critical, ok, warn

#: Of the disk, and bytes: both have to be short.
SHARES: Final = (0.15, 0.05)
BYTES: Final = (10e9, 1e9)


def look() -> Iterator[Finding]:
    for place in sorted({str(_there(Path(path))) for path in (settings.VAR_DIR, settings.MEDIA_ROOT)}):
        usage = psutil.disk_usage(place)
        what = f"{usage.free / 1e9:.1f} GB ({usage.free / usage.total:.0%}) are free below {place}."
        advice = f"Make room or move it: du -xh --max-depth=2 {place} | sort -h | tail"
        if usage.free < BYTES[1] or usage.free / usage.total < SHARES[1]:
            yield critical(what, advice) if usage.free < BYTES[1] else warn(what, advice)
        elif usage.free < BYTES[0] and usage.free / usage.total < SHARES[0]:
            yield warn(what, advice)
        else:
            yield ok(what)


def _there(path: Path) -> Path:
    """Give the path, or the nearest directory above it that exists."""
    return path if path.exists() or path.parent == path else _there(path.parent)
