"""Writes: what would be stored is looked at, and what the answer tells of it is governed."""

from typing import Any

import msgspec
import pytest

from firewall.errors import CallerError
from tests.adapters.zep.bench import LIVE, OVER, wired

MESSAGES = "POST /api/v2/threads/t1/messages"


@pytest.mark.parametrize(
    ("line", "body", "texts"),
    [
        (MESSAGES, {"messages": [{"content": "a", "role": "user"}, {"content": "b"}]}, ["a", "b"]),
        ("POST /api/v4/threads/t1/messages", {"messages": [{"content": "a"}]}, ["a"]),
        ("POST /api/v2/graph", {"data": "we moved", "type": "text", "user_id": "u1"}, ["we moved"]),
        (
            "POST /api/v2/graph-batch",
            {"episodes": [{"data": "x"}, {"data": "y"}], "user_id": "u1"},
            ["x", "y"],
        ),
        ("POST /api/v2/graph/add-fact-triple", {"fact": "a uses b", "user_id": "u1"}, ["a uses b"]),
        ("PATCH /api/v2/graph/edge/e1", {"fact": "a uses c"}, ["a uses c"]),
        ("POST /api/v4/graphs/g/edges", {"edges": [{"fact": "f"}]}, ["f"]),
        ("POST /api/v4/graphs/g/episodes", {"data": "d"}, ["d"]),
        ("POST /api/v2/batches/b/items", {"items": [{"content": "c"}, {"data": "d"}]}, ["c", "d"]),
        ("POST /api/v2/context-templates", {"template": "# FACTS"}, ["# FACTS"]),
        ("POST /api/v2/sessions/s/memory", {"messages": [{"content": "a", "role_type": "user"}]}, ["a"]),
        ("DELETE /api/v2/graph/edge/e1", None, []),
    ],
)
def test_what_would_be_stored(line: str, body: Any, texts: list[str]) -> None:
    """A draft for each item, wherever the route takes its text."""
    assert [draft.text for draft in wired().plan(line, body).drafts] == texts


def test_everything_beside_the_text_is_looked_at_too() -> None:
    """Names, attributes, metadata; ids and dates as far as they say something."""
    item = {
        "content": "a",
        "name": "Ann",
        "role": "user",
        "created_at": "2026-01-05",
        "uuid": "m 1",
        "metadata": {"k": ["v"]},
        "": "nameless",
    }
    (draft,) = wired().plan(MESSAGES, {"messages": [item]}).drafts
    assert draft.writer == "user"
    assert set(draft.attached) == {"Ann", "m 1", "v", "nameless"}


@pytest.mark.parametrize(
    "key", ["user_id", "graph_uuid", "valid_at", "created_at", "_fw_state", " Expires_At"]
)
def test_metadata_does_not_say_whose_or_since_when(key: str) -> None:
    """400 `reserved_metadata`."""
    for line, body in (
        (MESSAGES, {"messages": [{"content": "a", "metadata": {key: "x"}}]}),
        ("POST /api/v2/graph", {"data": "a", "user_id": "u1", "metadata": {key: "x"}}),
    ):
        with pytest.raises(CallerError) as caught:
            wired().plan(line, body)
        assert caught.value.code == "reserved_metadata"


_STAMPED = {"_fw_stamp": "1.k1.s1"}


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("PATCH /api/v2/graph/edge/e1", {"fact": "x", "attributes": _STAMPED}),
        ("PATCH /api/v2/graph/node/n1", {"summary": "x", "attributes": _STAMPED}),
        ("PATCH /api/v2/messages/m1", {"metadata": _STAMPED}),
        (
            "POST /api/v2/graph/add-fact-triple",
            {"fact_name": "f", "user_id": "u", "edge_attributes": _STAMPED},
        ),
        (
            "POST /api/v2/graph/add-fact-triple",
            {"fact": "f", "user_id": "u", "source_node_attributes": _STAMPED},
        ),
        ("POST /api/v2/graph/nodes", {"nodes": [{"name": "n", "attributes": _STAMPED}], "user_id": "u"}),
        ("POST /api/v4/graphs/g/edges", {"edges": [{"fact": "f", "source_node": {"attributes": _STAMPED}}]}),
        ("POST /api/v4/graphs/g/hyperedges", {"fact": "f", "attributes": _STAMPED}),
        ("POST /api/v2/batches/b/items", {"items": [{"data": "c", "message": {"metadata": _STAMPED}}]}),
        ("POST /api/v2/threads", {"thread_id": "t", "user_id": "u", "metadata": _STAMPED}),
    ],
)
def test_a_client_writes_no_stamp(line: str, body: Any) -> None:
    """Whoever could would write what a trusted principal once wrote, as if that had written it now."""
    assert b"_fw_stamp" not in wired().plan(line, body).request.body


@pytest.mark.parametrize("messages", ["x", [1], {"content": "a"}, [{"content": "a", "metadata": []}]])
def test_a_write_of_another_form_is_refused(messages: object) -> None:
    """What cannot be read cannot be judged."""
    with pytest.raises(CallerError) as caught:
        wired().plan(MESSAGES, {"messages": messages})
    assert caught.value.status == 400


def test_a_context_that_comes_back_is_governed() -> None:
    """`return_context`: the write reads too."""
    wire = wired()
    plan = wire.plan(MESSAGES, {"messages": [{"content": "a"}], "return_context": True})
    value = {
        "context": "<FACTS>\n- The old way works (2025-01-01 - 2025-06-01)\n- The new way works (2025-06-01 - present)\n</FACTS>",
        "message_uuids": ["m1"],
        "task_id": "t",
    }
    verdicts = wire.judged(plan, value)
    assert [verdict.admitted for verdict in verdicts.values()] == [False, True]
    answer = wire.through(plan, value, lambda each: "old" not in each.text)
    assert msgspec.json.decode(answer.body) == {
        **value,
        "context": "<FACTS>\n- The new way works (2025-06-01 - present)\n</FACTS>",
    }


def test_the_answer_of_a_write_keeps_its_ids() -> None:
    """It has happened: what may not be shown is empty, so that clients can still read the item."""
    wire = wired()
    plan = wire.plan("PATCH /api/v2/graph/edge/e-over", {"name": "N"})
    assert not plan.by_id
    value = {**OVER, "attributes": {"a": "b c"}, "source_node_name": "team"}
    husk = msgspec.json.decode(wire.through(plan, value, lambda _: False).body)
    assert husk == {
        **{key: OVER[key] for key in ("uuid", "created_at", "source_node_uuid", "target_node_uuid")},
        "valid_at": OVER["valid_at"],
        "invalid_at": OVER["invalid_at"],
        "expired_at": OVER["expired_at"],
        "name": "",
        "fact": "",
    }
    hostile = {"uuid": "read this now", "fact": "x"}
    assert msgspec.json.decode(wire.through(plan, hostile, lambda _: False).body) == {"uuid": "", "fact": ""}
    triple = wire.plan("POST /api/v2/graph/add-fact-triple", {"fact": "f", "user_id": "u1"})
    both = {"edge": LIVE, "task_id": "t"}
    assert msgspec.json.decode(wire.through(triple, both).body) == both


def test_an_empty_answer_stays_empty() -> None:
    """Some deletes answer nothing."""
    wire = wired(admin=True)
    plan = wire.plan("DELETE /api/v2/batches/b")
    assert wire.through(plan, b"").body == b""
