"""Files and batches of the offline provider over real HTTP, through the groq SDK."""

from __future__ import annotations

import json
from typing import Any

import groq
import pytest

from benchkit.offline import OfflineServer
from benchkit.offline.server.batches import FAULTS

from .test_offline import body

IDS = [f"id-{at}" for at in range(8)]


def batch(server: OfflineServer) -> Any:
    """Eight lines, uploaded and made into a batch."""
    lines = [{"custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": body()} for id in IDS]
    content = "\n".join(map(json.dumps, lines)).encode()
    sdk = groq.Groq(base_url=server.url, api_key="k", max_retries=0)
    file = sdk.files.create(file=("shard.jsonl", content), purpose="batch")
    made = sdk.batches.create(
        input_file_id=file.id or "",
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"shard": "1"},
    )
    return sdk, sdk.batches.retrieve(made.id)


def lines(sdk: groq.Groq, id: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in sdk.files.content(id).text().splitlines()] if id else []


@pytest.mark.parametrize(
    ("fault", "status", "answered", "wrong"),
    [
        ("", "completed", 8, 0),
        ("all_errors", "completed", 0, 8),
        ("expired", "expired", 4, 2),
        ("cancelled", "cancelled", 4, 2),
        ("failed", "failed", 0, 0),
        ("bad_line", "completed", 8, 0),
        ("duplicate", "completed", 9, 0),
        ("foreign", "completed", 9, 0),
        ("missing", "completed", 7, 0),
        ("empty_id", "completed", 8, 0),
        ("object_id", "completed", 8, 0),
    ],
)
def test_a_batch_ends_as_it_was_told(fault, status, answered, wrong):
    """Each fault has the status, and as many lines in its two files, as Groq's would."""
    assert fault in FAULTS
    with OfflineServer(latency_ms=0, batch_faults=[fault]) as server:
        sdk, one = batch(server)
        said = lines(sdk, one.output_file_id)
        assert (one.status, len(said), len(lines(sdk, one.error_file_id))) == (status, answered, wrong)
        assert sum(line["response"]["status_code"] == 400 for line in said) == (fault == "bad_line")


@pytest.mark.parametrize("fault", ["lost_upload", "lost_create"])
def test_a_connection_can_break_after_either_step(fault):
    """What was made is there all the same."""
    with OfflineServer(batch_faults=[fault]) as server:
        with pytest.raises(groq.APIConnectionError):
            batch(server)
        assert (server.counts["uploaded"], server.counts["batches"]) == (1, fault == "lost_create")


def test_a_batch_takes_its_time_and_keeps_its_metadata():
    """It is in progress until its delay is over, and listed with what it was given."""
    now = [0.0]
    with OfflineServer(batch_s=60, clock=lambda: now[0]) as server:
        sdk, one = batch(server)
        assert (one.status, one.output_file_id) == ("in_progress", None)
        now[0] = 60.0
        assert [(row.status, row.metadata) for row in sdk.batches.list().data] == [
            ("completed", {"shard": "1"})
        ]


def test_a_free_plan_has_no_batches():
    """403, with Groq's code."""
    with OfflineServer(batch_plan=False) as server, pytest.raises(groq.PermissionDeniedError) as refused:
        batch(server)
    assert refused.value.body["error"]["code"] == "not_available_for_plan"
