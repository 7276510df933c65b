"""What agents say and ask, as keyword arguments: typed here once, for both faces of the client.

The caller names an agent and its team (`agent_id`, `team_id`); the client says what they are in a request: producer, owner or
consumer. All other fields have the names of the server's contract.
"""

from collections.abc import Sequence
from typing import Literal, Required, TypedDict

from firewall.client.shapes import Json

Role = Literal["agent", "planner", "worker", "verifier", "reviewer"]
Lane = Literal["private", "shared"]
StepOutcome = Literal["succeeded", "failed", "blocked", "interrupted", "unknown"]
MemoryKind = Literal["fact", "preference", "project_context", "procedure", "event", "evidence"]
HandoffKind = Literal["patch_handoff", "review_handoff", "task_handoff"]


class Named(TypedDict, total=False):
    """Who speaks, and in which scope."""

    agent_id: Required[str]
    team_id: str
    tenant_id: str
    scope: str
    operation_id: str


class Task(TypedDict, total=False):
    """The task that is worked on."""

    run_id: str
    task_id: str
    task_signature: str
    task_family: str
    workflow_signature: str


class StepInput(Named, Task, total=False):
    """One step of work. `execution` and `slots` are laid over what is made of the rest."""

    title: Required[str]
    summary: str
    outcome: StepOutcome
    role: Role
    memory_lane: Lane
    auto_embed: bool
    client_id: str
    workflow_steps: Sequence[str]
    target_files: Sequence[str]
    tool_set: Sequence[str]
    acceptance_checks: Sequence[str]
    verifier: Sequence[str]
    continuation_hint: str
    resume_hint: str
    reuse_hint: str
    salience: float
    importance: float
    confidence: float
    evidence_ref: str
    raw_ref: str
    evidence: Sequence[object]
    artifacts: Sequence[object]
    verification: Json
    slots: Json
    execution: Json


class MemoryInput(Named, total=False):
    """Something worth knowing that is no step of work."""

    text: Required[str]
    kind: MemoryKind
    title: str
    memory_lane: Lane
    lifecycle_state: str
    compression_layer: str
    confidence: float
    target_files: Sequence[str]
    evidence_ref: str
    raw_ref: str
    client_id: str
    slots: Json


class GuideInput(Named, Task, total=False):
    """A question for the next step. `options` are further fields of the request."""

    query_text: Required[str]
    role: Role
    context_mode: Literal["standard", "full_power", "compact_agent"]
    limit: int
    include_packets: bool
    context_char_budget: int
    context_token_budget: int
    tool_candidates: Sequence[str]
    sources: Sequence[str]
    options: Json


class HandoffInput(Named, Task, total=False):
    """What the next agent needs to go on. `details` are further fields of the request."""

    summary: Required[str]
    role: Role
    handoff_target: str
    anchor: str
    handoff_kind: HandoffKind
    handoff_text: str
    continuation_hint: str
    next_action: str
    memory_lane: Lane
    file_path: str
    repo_root: str
    symbol: str
    risk: str
    acceptance_checks: Sequence[str]
    tags: Sequence[str]
    target_files: Sequence[str]
    must_change: Sequence[str]
    must_keep: Sequence[str]
    must_remove: Sequence[str]
    details: Json


class Reader(TypedDict, total=False):
    """In whose name something is read, and in which scope."""

    agent_id: str
    team_id: str
    tenant_id: str
    scope: str


class RecoverInput(Reader, total=False):
    """A handoff by its anchor, id or URI."""

    anchor: str
    handoff_id: str
    handoff_uri: str
    handoff_kind: HandoffKind
    file_path: str
    repo_root: str
    symbol: str
