"""A podcast in a real browser: it loads under the strict policy, is as long as its row says, and can be sought in."""

from pathlib import Path

import pytest
from django.urls import reverse

from jobs.handlers.podcasts import generate_podcast
from jobs.models import Podcast
from jobs.speech import mp3
from jobs.testing import run_job
from tests.jobs.speech.fixtures import media  # noqa: F401 (a fixture)
from tests.jobs.speech.podcasts import stored_podcast
from tests.programs import needs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("media")]

FIXTURES = Path(__file__).parent.parent / "fixtures" / "speech"
LOADED = """async audio => {
  if (audio.readyState < 1) await new Promise((good, bad) => {
    audio.addEventListener("loadedmetadata", good); audio.addEventListener("error", () => bad(audio.error.message)); });
  return audio.duration;
}"""
#: What the browser makes of the whole file, sample by sample.
DECODED = """async audio => {
  const file = await (await fetch(audio.src)).arrayBuffer();
  return (await new OfflineAudioContext(1, 1, 48000).decodeAudioData(file)).duration;
}"""
SOUGHT = """async (audio, to) => {
  const there = new Promise(good => audio.addEventListener("seeked", good)); audio.currentTime = to; await there;
  return audio.currentTime;
}"""


def spoken() -> Podcast:
    needs("espeak-ng")
    assert run_job(generate_podcast, text="Ekiden is a relay race.", title="Ekiden").status == "completed"
    return Podcast.objects.get()


def joined(tmp_path: Path) -> Podcast:
    pieces = [FIXTURES / "variable-tagged.mp3", FIXTURES / "constant-1.mp3", FIXTURES / "constant-2.mp3"] * 4
    seconds = mp3.join(pieces, tmp_path / "whole.mp3")
    return stored_podcast((tmp_path / "whole.mp3").read_bytes(), seconds=seconds, content_type="audio/mpeg")


@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_it_plays_and_is_as_long_as_its_row_says(console, live_server, tmp_path, kind):
    podcast = spoken() if kind == "wav" else joined(tmp_path)
    console.goto(live_server.url + reverse("admin:jobs_podcast_change", args=[podcast.pk]))
    console.set_viewport_size({"width": 360, "height": 800})
    assert console.evaluate("document.documentElement.scrollWidth") <= 360
    player = console.locator("audio")
    assert player.evaluate(LOADED) == pytest.approx(podcast.duration_seconds, abs=0.06)
    assert player.evaluate(DECODED) == pytest.approx(podcast.duration_seconds, abs=0.06)
    middle = podcast.duration_seconds / 2
    assert player.evaluate(SOUGHT, middle) == pytest.approx(middle, abs=0.1)
