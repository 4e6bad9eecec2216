"""What docs/webhooks.md has receivers do is done: its code verifies what is sent, and nothing else."""

import json
import shutil
import subprocess
import time

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from jobs.webhooks.event_types import EVENT_TYPES, TEST, USUAL
from jobs.webhooks.retrying import SCHEDULE
from jobs.webhooks.signing import new_secret, signed_headers
from tests.markdown import ROOT, blocks, table, words

PAGE = "docs/webhooks.md"
BODY = '{"type":"job.completed","timestamp":"2026-11-22T09:30:00Z","data":{"tags":["駅伝"]}}'.encode()


def code(language):
    (block,) = [each for each in blocks(PAGE) if each.language == language]
    return block.text


@pytest.fixture
def secret():
    return new_secret()


def test_its_python(secret):
    names = {}
    exec(code("python"), names)
    old = new_secret()
    headers = signed_headers("msg_1", BODY, [secret, old])
    assert names["receive"](secret, headers, BODY) == names["receive"](old, headers, BODY) == json.loads(BODY)
    for wrong in ((new_secret(), headers, BODY), (secret, headers, BODY + b" ")):
        with pytest.raises(WebhookVerificationError):
            names["receive"](*wrong)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_its_node(secret, tmp_path):
    (tmp_path / "receive.mjs").write_text(code("javascript"))
    asks = """
import { receive } from "./receive.mjs";
const asked = JSON.parse(process.argv[2]);
console.log(JSON.stringify(asked.map(([secret, headers, body]) => {
  try { return receive(secret, headers, body).type; } catch (error) { return error.message; }
})));
"""
    (tmp_path / "asks.mjs").write_text(asks)
    body, old = BODY.decode(), new_secret()
    headers = signed_headers("msg_1", BODY, [secret, old])
    late = signed_headers("msg_1", BODY, [secret], now=time.time() - 600)
    asked = [
        (secret, headers, body),
        (old, headers, body),
        (new_secret(), headers, body),
        (secret, headers, body + " "),
    ]
    run = subprocess.run(
        ["node", "asks.mjs", json.dumps([*asked, (secret, late, body)])],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    unsigned = "not signed with this secret"
    assert json.loads(run.stdout) == ["job.completed", "job.completed", unsigned, unsigned, "too old, or too new"]


def test_it_names_every_event():
    told = [name for row in table(PAGE, "event") for name in words(row[0])]
    assert told == [*EVENT_TYPES, TEST]
    assert set(USUAL) <= EVENT_TYPES.keys()


def test_it_tells_the_schedule_of_retries():
    text = " ".join((ROOT / PAGE).read_text().split())
    assert "after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h, ten times in all" in text
    assert SCHEDULE == (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
