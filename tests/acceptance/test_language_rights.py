"""Rights that end while a job waits, seen by a real worker."""

from uuid import uuid4


def test_a_job_whose_owner_may_not_use_python_any_more_gives_up(stage):
    owner, other = uuid4(), uuid4()
    stage.db.execute(
        "INSERT INTO meta.users (id, user_id) VALUES (%s, %s), (%s, %s)", [owner, f"u{owner}", other, f"u{other}"]
    )
    refused = stage.submit("proof_note", {"n": 1}, user_id=owner)
    kept = stage.submit("proof_note", {"n": 2}, user_id=other)
    stage.db.execute("UPDATE meta.users SET allowed_languages = '{node}' WHERE id = %s", [owner])
    assert stage.worker("--drain", ready=False).wait() == 0
    row = stage.job(refused)
    assert (row["status"], row["error_details"]["error_class"]) == ("dead_letter", "LanguageNotAllowed")
    assert stage.job(kept)["status"] == "completed"
    assert [event["job"] for event in stage.events("run")] == [kept]
