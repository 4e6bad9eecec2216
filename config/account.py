"""The operating system account that PostgreSQL runs under: ours, or an unprivileged one when we are root."""

import hashlib
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.exceptions import DatabaseNotStarted

#: Where root's server lives when its account cannot enter the project's own directory (below /root, say).
SHARED = Path("/var/lib/ekiden")


@dataclass(frozen=True)
class ServiceAccount:
    """Who runs the server. PostgreSQL refuses root, so root lends the job to somebody without rights."""

    uid: int
    gid: int
    lent: bool

    @property
    def identity(self) -> dict[str, Any]:
        """What subprocess.run needs to start a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.lent else {}

    def own(self, directory: Path) -> None:
        """Take the directory for this account alone; one that is somebody else's is refused."""
        if self.lent:
            os.chown(directory, self.uid, self.gid, follow_symlinks=False)
        elif directory.stat().st_uid != self.uid:
            owner = directory.stat().st_uid
            raise DatabaseNotStarted(
                f"{directory} belongs to user id {owner}: run Ekiden as that user, or set EKIDEN_VAR_DIR elsewhere."
            )
        directory.chmod(0o700)

    def can_enter(self, directory: Path) -> bool:
        return not self.lent or all(self._may_pass(parent.stat()) for parent in directory.resolve().parents)

    def reachable(self, programs: Path) -> Path:
        """Give a place from which this account can run the programs, copying them there if need be."""
        if self.can_enter(programs / "postgres"):
            return programs
        package = programs.parent.parent
        mark = hashlib.sha256(f"{package} {(programs / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:16]
        copy = SHARED / f"programs-{mark}"
        if not copy.exists():
            half = SHARED / f"programs-{mark}.{os.getpid()}"
            _copy_package(package, half)
            half.rename(copy)
        return copy / programs.relative_to(package.parent)

    def _may_pass(self, entry: os.stat_result) -> bool:
        if entry.st_uid == self.uid:
            return bool(entry.st_mode & stat.S_IXUSR)
        if entry.st_gid == self.gid:
            return bool(entry.st_mode & stat.S_IXGRP)
        return bool(entry.st_mode & stat.S_IXOTH)


def service_account() -> ServiceAccount:
    """Choose the account: ours, or `nobody` when we are root."""
    if os.geteuid() != 0:
        return ServiceAccount(os.geteuid(), os.getegid(), lent=False)
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise DatabaseNotStarted(
            "PostgreSQL does not run as root and there is no user `nobody` to lend it to: run Ekiden as another user."
        ) from None
    return ServiceAccount(entry.pw_uid, entry.pw_gid, lent=True)


def home_below(var_dir: Path) -> Path:
    """Tell where the server of this `var` directory lives: in it, or in `/var/lib/ekiden` with a link to there.

    A link, once made, decides: the data must not seem lost because somebody changed a directory's mode.
    """
    near = var_dir / "postgres"
    if near.is_symlink():
        return near.resolve()
    if os.geteuid() != 0 or (near / "data").exists() or _open_to_all(var_dir):
        return near
    return SHARED / hashlib.sha256(os.fsencode(near)).hexdigest()[:16]


def _copy_package(package: Path, into: Path) -> None:
    SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    shutil.copytree(package, into / package.name, symlinks=True)
    # initdb and pg_ctl look for libpq in the directory that the wheel has put beside the package.
    libraries = package.with_name(package.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, into / libraries.name)


def _open_to_all(directory: Path) -> bool:
    existing = next(path for path in [directory, *directory.parents] if path.exists()).resolve()
    return all(path.stat().st_mode & stat.S_IXOTH for path in [existing, *existing.parents])
