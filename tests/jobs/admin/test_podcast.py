from uuid import uuid4

import pytest

from jobs.models import Article, AuditEntry, LooseFile, Podcast
from tests.jobs.speech.podcasts import stored_podcast, tone

LIST = "/admin/jobs/podcast/"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]


def listed(client, **parameters):
    response = client.get(LIST, parameters)
    assert response.status_code == 200, response
    return [row.pk for row in response.context["cl"].result_list]


def test_list_newest_first_and_found_by_what_belongs_to_it(operator):
    article = Article.objects.create(title="Ekiden", text="long " * 1_000)
    first, second = stored_podcast(article=article), stored_podcast()
    assert listed(operator) == [second.pk, first.pk]
    for word in (first.pk, article.pk, first.job_id):
        assert listed(operator, q=word) == [first.pk]
    assert listed(operator, q="nonsense") == listed(operator, q=uuid4()) == []
    text = operator.get(LIST).content.decode()
    assert "Ekiden" in text and "a text" in text


def test_page_has_a_player_and_shows_the_script_as_text(operator):
    podcast = stored_podcast(
        script="One line.\n<script>alert(1)</script>", article=Article.objects.create(title="Ekiden")
    )
    text = operator.get(f"{LIST}{podcast.pk}/change/").content.decode()
    assert f'src="{LIST}{podcast.pk}/audio/"' in text
    assert "One line.<br>&lt;script&gt;" in text and "<script>alert" not in text
    assert str(podcast.job_id) in text and "en-us" in text


def test_the_player_gets_the_parts_that_it_asks_for(operator, viewer, client):
    podcast = stored_podcast(tone(0.2))
    address = f"{LIST}{podcast.pk}/audio/"
    for person in (operator, viewer):
        response = person.get(address, headers={"Range": "bytes=4-9"})
        assert (response.status_code, b"".join(response)) == (206, tone(0.2)[4:10])
        assert response["Content-Type"] == "audio/wav"
    assert client.get(address).status_code == 302, "to the login"
    assert operator.get(f"{LIST}{uuid4()}/audio/").status_code == 302, "back to the list"


def test_delete_with_a_reason(operator, viewer):
    podcast = stored_podcast()
    assert viewer.post(f"{LIST}{podcast.pk}/delete/", {"reason": "x"}).status_code == 403
    text = operator.post(f"{LIST}{podcast.pk}/delete/", {"reason": "a wrong voice"}, follow=True).content.decode()
    assert "Deleted." in text
    assert not Podcast.objects.exists() and LooseFile.objects.get().name == podcast.audio.name
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_type, entry.reason) == ("delete", "podcast", "a wrong voice")
