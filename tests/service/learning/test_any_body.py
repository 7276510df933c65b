"""Whatever is sent to feedback, snapshot and audit: an answer or an error of the caller's, and nothing else."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firewall.errors import CallerError
from firewall.service.audit.decisions import decision_report, decision_trace
from firewall.service.audit.flight_recorder import flight_recorder
from firewall.service.audit.snapshot import snapshot
from firewall.service.audit.snapshot_body import SnapshotBody
from firewall.service.desk import UseCase
from firewall.service.learning.feedback import feedback
from firewall.service.learning.feedback_body import MemoryFeedbackBody, ToolFeedbackBody
from tests.service.learning.desk import Office, exposed, item
from tests.service.learning.test_host_receipt import receipt

FIELDS = sorted(
    {
        *MemoryFeedbackBody.model_fields,
        *ToolFeedbackBody.model_fields,
        *SnapshotBody.model_fields,
        "product_trace",
        "decision_time",
        "feedback_result",
        "operator_snapshot",
        "after_guide",
        "decisions",
        "decision_summaries",
        "agent_surface",
        "memory_id",
        "use_now_memory_ids",
    }
)
words = st.sampled_from(
    ["gt-1", "run-1", "a17e", "6d0c", "use_now", "do_not_use", "positive", "negative", "passed", "2026-11-22"]
)
values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), words, st.text(max_size=8)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
    ),
    max_leaves=12,
)
bodies = st.one_of(
    st.dictionaries(st.sampled_from(FIELDS), values, max_size=10),
    st.fixed_dictionaries(
        {
            "run_id": words,
            "outcome": words,
            "reason": words,
            "used_surface": words,
            "used_memory_ids": st.lists(words, max_size=3),
        },
        optional={
            "guide_trace_id": words,
            "verifier_status": words,
            "host_use_receipt_v1": st.just(receipt()),
        },
    ),
)


@pytest.mark.parametrize("use_case", [feedback, snapshot, flight_recorder, decision_report, decision_trace])
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(body=bodies)
async def test_an_answer_or_the_callers_error(use_case: UseCase, body: object) -> None:
    """Every body gets JSON with a contract version, or a 4xx with a code."""
    office = Office()
    await office.log(exposed(item("a17e"), item("6d0c", "do_not_use")))
    try:
        answer = (await office.reply(use_case, body)).body
    except CallerError as error:
        answer, status = error.code.encode(), error.status
    else:
        status = 200
        assert json.loads(answer)["contract_version"].startswith("aionis_")
    assert answer
    assert status == 200 or 400 <= status < 500
