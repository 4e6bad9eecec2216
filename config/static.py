"""Static files, gathered for whitenoise when a package has brought new ones."""

import hashlib
from importlib.metadata import distributions

from django.core.management import call_command

from config.env import BASE_DIR, Settings


def collect_if_changed(env: Settings) -> None:
    """Gather the static files, unless this has been done with the same packages and the same files of ours."""
    stamp = env.static_root / ".gathered-from"
    sources = _fingerprint()
    if env.debug or (stamp.exists() and stamp.read_text() == sources):
        return
    call_command("collectstatic", verbosity=0, interactive=False)
    stamp.write_text(sources)


def _fingerprint() -> str:
    packages = sorted(f"{package.name} {package.version}" for package in distributions())
    ours = sorted(
        f"{path.relative_to(BASE_DIR)} {path.stat().st_mtime_ns}"
        for path in BASE_DIR.glob("**/static/**/*.*")
        if ".venv" not in path.parts and "var" not in path.parts
    )
    return hashlib.sha256("\n".join([*packages, *ours]).encode()).hexdigest()
