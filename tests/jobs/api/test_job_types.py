from rest_framework.test import APIClient

from tests.api_client import problem


def test_lists_job_types_with_their_schemas(client: APIClient) -> None:
    types = {job_type["name"]: job_type for job_type in client.get("/api/v1/job-types").json()["data"]}

    assert types["echo"] == {
        "name": "echo",
        "description": "Give the text back.",
        "queue": "echoes",
        "priority": 5,
        "max_retries": 3,
        "timeout": None,
        "isolation": "thread",
        "payload_schema": {
            "type": "object",
            "properties": {
                "text": {"type": "string", "default": ""},
                "times": {"type": "integer", "default": 1},
            },
            "additionalProperties": False,
        },
    }
    assert {"extract_content", "summarize", "validate_summary"} <= types.keys()
    assert client.get("/api/v1/job-types/echo").json() == types["echo"]
    problem(client.get("/api/v1/job-types/nobody"), 404, "not-found")
