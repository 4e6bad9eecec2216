"""Programs of the machine that tests need; they are skipped where one is missing, which is an error in CI."""

import shutil

import pytest


def needs(name: str, package: str = "") -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed: apt-get install {package or name}")
