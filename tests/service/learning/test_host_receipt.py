"""A host's receipt: whole, about this very feedback, and of no more weight than that."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firewall.core.evidence import FeedbackGiven
from firewall.service.desk import digest_of
from firewall.service.learning.feedback import feedback
from tests.service.learning.desk import Json, Office, about, exposed, item

SHA = "a" * 64


def receipt(**fields: object) -> Json:
    """A receipt that the suppression of `6d0c` helped, with its hash."""
    body: Json = {
        "contract_version": "aionis_host_use_receipt_v1",
        "receipt_id": "rc-1",
        "guide_trace_id": "gt-1",
        "episode_id": "ep-1",
        "operation_id": "op-1",
        "run_id": "run-1",
        "host_task_id": "task-1",
        "host_task_envelope_sha256": SHA,
        "collector_id": "collector",
        "collector_version": "1.0",
        "host_trace_sha256": SHA,
        "observed_at": "2026-11-22T00:00:00Z",
        "items": [used("6d0c")],
        **fields,
    }
    return sealed(body)


def used(memory_id: str, **fields: object) -> Json:
    return {
        "memory_id": memory_id,
        "used_surface": "do_not_use",
        "outcome": "positive",
        "action_outcome": "accepted_completed",
        "verifier_kind": "deterministic_scorer",
        "verifier_version": "2",
        "verifier_config_sha256": SHA,
        "verifier_status": "passed",
        "content_evidence_sha256": SHA,
        "evidence_ref_sha256": SHA,
        **fields,
    }


def sealed(body: Json) -> Json:
    hashed = {name: value for name, value in body.items() if name != "receipt_sha256"}
    return {**hashed, "receipt_sha256": digest_of(hashed)}


def blocked(host_receipt: Json, *memory_ids: str, **fields: object) -> Json:
    return about(
        *(memory_ids or ("6d0c",)),
        used_surface="do_not_use",
        operation_id="op-1",
        host_use_receipt_v1=host_receipt,
        **fields,
    )


async def opened() -> Office:
    office = Office()
    await office.log(exposed(item("6d0c", "do_not_use"), item("7e1d", "do_not_use"), item("a17e")))
    return office


async def test_a_receipt_allows_an_outcome_on_what_was_blocked() -> None:
    """With it a suppression that helped is taken, without any other signal, and not as a strong one."""
    office = await opened()
    answer = await office.ask(feedback, blocked(receipt()))
    assert answer["forget_effect"]["affected_memory_ids"] == ["6d0c"]
    (event,) = office.events(FeedbackGiven)
    assert (event.strong, event.verified) == (False, False)


async def test_several_memories() -> None:
    """One receipt may speak of several, sorted, each once."""
    office = await opened()
    both = receipt(items=[used("6d0c"), used("7e1d")])
    assert (await office.ask(feedback, blocked(both, "7e1d", "6d0c")))["forget_effect"]["changed_count"] == 2


FORGED: dict[str, Json] = {
    "another guide": receipt(guide_trace_id="gt-2"),
    "another episode": receipt(episode_id="ep-2"),
    "another operation": receipt(operation_id="op-2"),
    "another run": receipt(run_id="run-2"),
    "another memory": receipt(items=[used("7e1d")]),
    "one memory more": receipt(items=[used("6d0c"), used("7e1d")]),
    "the same memory twice": receipt(items=[used("6d0c"), used("6d0c")]),
    "another surface": receipt(items=[used("6d0c", used_surface="use_now")]),
    "another outcome": receipt(items=[used("6d0c", outcome="negative")]),
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_whole_receipt_about_something_else(name: str) -> None:
    """With a right hash, but not about this feedback: refused, and nothing is counted."""
    office = await opened()
    assert await office.refused(feedback, blocked(FORGED[name])) == (400, "host_receipt_mismatch")
    assert office.events(FeedbackGiven) == []


INVALID: dict[str, Json] = {
    "an unknown field": receipt(more=1),
    "a verifier that failed": receipt(items=[used("6d0c", verifier_status="failed")]),
    "no date": receipt(observed_at="yesterday"),
    "no digest": receipt(host_trace_sha256="abc"),
    "another contract": receipt(contract_version="v0"),
    "no items": receipt(items=[]),
}


@pytest.mark.parametrize("name", INVALID)
async def test_a_receipt_of_the_wrong_form(name: str) -> None:
    """The issue names its path within the receipt."""
    office = await opened()
    assert await office.refused(feedback, blocked(INVALID[name])) == (400, "invalid_request")


async def test_unsorted_items() -> None:
    """The items of a receipt are sorted by id."""
    office = await opened()
    wrong = receipt(items=[used("7e1d"), used("6d0c")])
    assert await office.refused(feedback, blocked(wrong, "6d0c", "7e1d")) == (400, "host_receipt_mismatch")


@pytest.mark.parametrize("lacks", ["operation_id", "guide_trace_id"])
async def test_a_receipt_binds_an_operation_of_a_guide(lacks: str) -> None:
    """Without either there is nothing that it could be about."""
    office = await opened()
    surface = {"used_surface": "explicit_host_assertion"} if lacks == "guide_trace_id" else {}
    body = {**blocked(receipt()), lacks: None, **surface}
    assert await office.refused(feedback, body) == (400, "host_receipt_mismatch")


_PATHS: list[tuple[str | int, ...]] = [
    *((name,) for name in receipt() if name != "items"),
    *(("items", 0, name) for name in used("6d0c")),
]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(_PATHS), place=st.integers(0, 63), letter=st.sampled_from("0123456789abcdef_"))
async def test_one_flipped_letter(path: tuple[str | int, ...], place: int, letter: str) -> None:
    """Whatever letter of whatever field is changed after sealing, the receipt is refused and nothing is counted."""
    office = await opened()
    forged = receipt()
    *way, name = path
    holder: Any = forged
    for step in way:
        holder = holder[step]
    text: str = holder[name]
    at = place % len(text)
    holder[name] = text[:at] + letter + text[at + 1 :]
    if holder[name] == text:
        return
    status, code = await office.refused(feedback, blocked(forged))
    assert (status, code in {"host_receipt_tampered", "invalid_request"}) == (400, True)
    assert office.events(FeedbackGiven) == []
