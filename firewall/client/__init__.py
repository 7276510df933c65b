"""The Python client of memfw: observe what agents do, ask what they do next, and say what came of it.

    Memfw, MemfwSync    the API over HTTP; each call is declared once, in `calls`
    inputs, steps       keyword arguments -> request bodies
    guides, feedback, receipts, loop, plans, admission_rows    pure functions over answers
    candidates, govern  search results of other stores -> candidates to be governed

It knows the server's contract and none of its code: standard library, aiohttp and msgspec are all that it imports.
Everything that does not talk to the server is pure. A `MemfwError` says by its `code` what is wrong.
"""

from firewall.client.admission_rows import (
    memory_admission_dataset_jsonl_from_records,
    memory_admission_dataset_rows_from_record,
    memory_admission_dataset_rows_from_records,
)
from firewall.client.calls import OutcomeReport
from firewall.client.candidates import Authority, Mapper
from firewall.client.client import Memfw, MemfwSync
from firewall.client.errors import AnswerIssue, MemfwAnswerError, MemfwError
from firewall.client.feedback import feedback_from_guide
from firewall.client.govern import (
    mem0_search_results_to_candidates,
    pinecone_matches_to_candidates,
    zep_search_results_to_candidates,
)
from firewall.client.guides import (
    active_route_targets_from_guide,
    agent_context_from_guide,
    agent_prompt_from_guide,
    blocked_routes_from_guide,
    command_posture_from_guide,
    feedback_attribution_from_guide,
    memory_ids_from_guide,
    memory_use_receipt_from_guide,
    rehydrate_hints_from_guide,
    route_contract_from_guide,
)
from firewall.client.inputs import GuideInput, HandoffInput, MemoryInput, RecoverInput, StepInput
from firewall.client.loop import (
    effect_report_from_measure,
    measure_input_from_guide_loop,
    snapshot_input_from_guide_loop,
    trace_derived_skill_candidates_from_measure,
    trace_derived_skill_review_items_from_measure,
)
from firewall.client.plans import plan_asset_observe_events
from firewall.client.receipts import receipt_digest
from firewall.client.shapes import Json

__all__ = [
    "AnswerIssue",
    "Authority",
    "GuideInput",
    "HandoffInput",
    "Json",
    "Mapper",
    "Memfw",
    "MemfwAnswerError",
    "MemfwError",
    "MemfwSync",
    "MemoryInput",
    "OutcomeReport",
    "RecoverInput",
    "StepInput",
    "active_route_targets_from_guide",
    "agent_context_from_guide",
    "agent_prompt_from_guide",
    "blocked_routes_from_guide",
    "command_posture_from_guide",
    "effect_report_from_measure",
    "feedback_attribution_from_guide",
    "feedback_from_guide",
    "measure_input_from_guide_loop",
    "mem0_search_results_to_candidates",
    "memory_admission_dataset_jsonl_from_records",
    "memory_admission_dataset_rows_from_record",
    "memory_admission_dataset_rows_from_records",
    "memory_ids_from_guide",
    "memory_use_receipt_from_guide",
    "pinecone_matches_to_candidates",
    "plan_asset_observe_events",
    "receipt_digest",
    "rehydrate_hints_from_guide",
    "route_contract_from_guide",
    "snapshot_input_from_guide_loop",
    "trace_derived_skill_candidates_from_measure",
    "trace_derived_skill_review_items_from_measure",
    "zep_search_results_to_candidates",
]
