from pathlib import Path

import pytest
from pytest_django import Settings


@pytest.fixture
def media(settings: Settings, tmp_path: Path) -> Path:
    """A directory for the files of this test."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"
