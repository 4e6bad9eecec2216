"""A model may write whatever a page told it to: only plain text of a fitting size comes through."""

from typing import Any

import pytest

from jobs.ai.failures import Unusable
from jobs.ai.outputs import as_summary, as_text
from jobs.ai.providers import Answer, Preferences
from jobs.ai.summaries import generate_summary
from jobs.models import ProviderCall, ProviderState
from tests.ai_server import AiServer, calls_a_tool, completion, declines, says, sends

MARK = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n… ", "empty"),
        ("\u200b\u202e", "empty"),
        (f"I was told to keep between the lines with {MARK}.", "prompt_repeated"),
        ("Ekiden <script>alert(1)</script> is a race.", "markup"),
        ("Ekiden <img src=x onerror=alert(1)> is a race.", "markup"),
        ("Ekiden <IFRAME\nsrc='x'> is a race.", "markup"),
        ("Ekiden is a race. <script", "markup"),
        ("Ekiden is a race.<!-- comment -->", "markup"),
        ("Ekiden &lt;script&gt; is a race.", "markup"),
        ("Read more at https://evil.example/?q=secret.", "addresses"),
        ("Read more at HTTP ://evil.example.", "addresses"),
        ("Read more at www.evil.example.", "addresses"),
        ("Run javascript:alert(1) now.", "addresses"),
        ("Look at data:text/html;base64,AAAA.", "addresses"),
        ("Write to mailto:evil@evil.example.", "addresses"),
        ("Read [more](//evil.example) of it.", "addresses"),
        ('{"tool": "run_sql", "sql": "DROP TABLE users"}', "not_plain"),
        ('[{"name": "fetch", "url": "x"}]', "not_plain"),
        ("Ekiden is a race. " * 1000, "too_long"),
        ("x" * 5_000_000, "too_long"),
    ],
    ids=lambda value: value[:20],
)
def test_hostile_texts_are_refused(text: str, code: str) -> None:
    for made in (lambda: as_summary(Answer(text, 3, 4), MARK, "medium"), lambda: as_text(Answer(text), MARK, 5000)):
        with pytest.raises(Unusable) as caught:
            made()
        assert caught.value.code == code
        # What was wrong is said without the text.
        assert text[:20] not in str(caught.value) or not text.strip()


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("Ekiden is a race.", "Ekiden is a race."),
        ("  Ekiden is a race.\n\nIt is old.  ", "Ekiden is a race. It is old."),
        ("Here is the summary:\n\nEkiden is a race.", "Ekiden is a race."),
        ("Here's a summary in English: Ekiden is a race.", "Ekiden is a race."),
        ("要約：駅伝は競走である。", "駅伝は競走である。"),
        ("```\nEkiden is a race.\n```", "Ekiden is a race."),
        ("```text\nEkiden is a race.\n```", "Ekiden is a race."),
        ("<think>The page says\nobey https://x.example</think>Ekiden is a race.", "Ekiden is a race."),
        ("**Ekiden** is a __race__.", "Ekiden is a race."),
        ("- Ekiden is a race.\n- It is old.", "Ekiden is a race. It is old."),
        ("Ekiden\x00 is\x1b a\u202e race\U000e0041.", "Ekiden is a race."),
        ("2 < 3 and R&D; 5 > 4 in the test.", "2 < 3 and R&D; 5 > 4 in the test."),
        ("The data: 3 of 5 at Booking.com ran.", "The data: 3 of 5 at Booking.com ran."),
        ("👩‍👩‍👧 ran.", "👩‍👩‍👧 ran."),
    ],
)
def test_what_is_around_a_summary_is_taken_off(text: str, summary: str) -> None:
    assert as_summary(Answer(text), MARK, "medium") == summary


def test_a_summary_is_cut_to_whole_sentences() -> None:
    text = " ".join(f"This is sentence number {number} of the summary." for number in range(20))
    made = as_summary(Answer(text), MARK, "short")
    assert len(made) <= 180 and made.endswith("of the summary.") and made.count("sentence") == 4


def test_a_text_that_broke_off_loses_its_last_sentence() -> None:
    assert as_summary(Answer("Ekiden is a race. Each runner ha", cut_off=True), MARK, "medium") == "Ekiden is a race."
    with pytest.raises(Unusable) as caught:
        as_summary(Answer("Ekiden is a ra", cut_off=True), MARK, "medium")
    assert caught.value.code == "truncated"
    with pytest.raises(Unusable):
        as_text(Answer("Ekiden is a race. Each", cut_off=True), MARK, 1000)


def test_a_script_keeps_its_paragraphs() -> None:
    assert as_text(Answer("One.  \n\nTwo.\n"), MARK, 100) == "One.\n\nTwo."


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (calls_a_tool(), "empty"),
        (declines, "empty"),
        (says("Visit https://evil.example."), "addresses"),
        (says("<b>Ekiden</b>"), "markup"),
        (says("y" * 100_000), "too_long"),
    ],
)
def test_the_next_provider_writes_what_one_could_not(ai: AiServer, answer: Any, code: str) -> None:
    ai.groq = ai.claude = [answer]
    made = generate_summary("Ekiden is a race.", Preferences(), user_id=None, job_id=None, deadline=20)
    assert (made.provider, made.text) == ("extractive", "Ekiden is a race.")
    rows = list(ProviderCall.objects.values_list("outcome", "error_code", "input_tokens", "output_tokens"))
    assert rows == [("unusable", code, 400, 40)] * 2
    # It was paid for, by what the provider says that it took; and it is no reason not to ask again.
    assert all(call.cost > 0 for call in ProviderCall.objects.all())
    assert set(ProviderState.objects.values_list("failures", "open_until")) == {(0, None)}


@pytest.mark.django_db
def test_a_tool_call_beside_a_text_is_passed_over(ai: AiServer) -> None:
    body = completion("Ekiden is a race.")
    body["choices"][0]["message"]["tool_calls"] = [
        {"id": "1", "type": "function", "function": {"name": "run_sql", "arguments": "{}"}}
    ]
    ai.groq = [sends(body)]
    made = generate_summary("Ekiden is a race of old.", Preferences(), user_id=None, job_id=None, deadline=20)
    assert (made.provider, made.text) == ("groq", "Ekiden is a race.")
