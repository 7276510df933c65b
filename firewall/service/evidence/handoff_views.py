"""What a handoff looks like on the wire, in each of the shapes that a client of the reference expects.

Made of the stored handoff alone: the answer to storing and the answer to recovering hold the same. `prompt_safe` is
the one shape that may stand in a prompt; in the others the words are as they were sent.
"""

import re

import msgspec

from firewall.core.events import ScopeKey
from firewall.core.evidence import Observed
from firewall.core.prompt import one_line
from firewall.service.evidence.uri import uri_of
from firewall.service.moments import iso

_LONG = 2_000
_SHORT = 240
_MOST = 32
_OPENING = re.compile(
    r"- \[|[\s>#*_`-]*(?:PASSED_SOLUTIONS|FAILED_BRANCHES|CURRENT_ACTIVE_PATH|REHYDRATE_IF_NEEDED|AIONIS_|USE_NOW"
    r"|INSPECT_BEFORE_USE|DO_NOT_USE)"
)


class Handoff(msgspec.Struct, frozen=True, kw_only=True):
    """A handoff as it was sent."""

    anchor: str
    handoff_kind: str
    title: str | None = None
    client_id: str | None = None
    file_path: str | None = None
    repo_root: str | None = None
    symbol: str | None = None
    summary: str
    handoff_text: str
    risk: str | None = None
    acceptance_checks: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    target_files: tuple[str, ...] = ()
    next_action: str | None = None
    must_change: tuple[str, ...] = ()
    must_remove: tuple[str, ...] = ()
    must_keep: tuple[str, ...] = ()
    execution_result_summary: dict[str, object] | None = None
    execution_artifacts: tuple[dict[str, object], ...] = ()
    execution_evidence: tuple[dict[str, object], ...] = ()
    execution_state_v1: dict[str, object] | None = None
    execution_packet_v1: dict[str, object] | None = None

    @property
    def files(self) -> tuple[str, ...]:
        return self.target_files or ((self.file_path,) if self.file_path else ())


class _Payload(msgspec.Struct, frozen=True):
    handoff: Handoff


def handoff_of(event: Observed) -> Handoff:
    """The handoff that an event holds."""
    return msgspec.json.decode(event.payload, type=_Payload).handoff


class HandoffView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    uri: str
    type: str
    client_id: str | None
    handoff_kind: str
    anchor: str
    title: str
    summary: str
    handoff_text: str
    file_path: str | None
    repo_root: str | None
    symbol: str | None
    risk: str | None
    acceptance_checks: tuple[str, ...]
    tags: tuple[str, ...]
    target_files: tuple[str, ...]
    next_action: str | None
    must_change: tuple[str, ...]
    must_remove: tuple[str, ...]
    must_keep: tuple[str, ...]
    memory_lane: str
    commit_id: str
    commit_uri: str


class PromptSafe(msgspec.Struct, frozen=True, kw_only=True):
    """Every string is one line that cannot open a section of a prompt."""

    anchor: str
    handoff_kind: str
    file_path: str | None
    repo_root: str | None
    symbol: str | None
    summary: str
    handoff_text: str
    risk: str | None
    acceptance_checks: tuple[str, ...]
    tags: tuple[str, ...]


class ExecutionReady(msgspec.Struct, frozen=True, kw_only=True):
    anchor: str
    handoff_kind: str
    file_path: str | None
    repo_root: str | None
    symbol: str | None
    target_files: tuple[str, ...]
    next_action: str | None
    summary: str
    handoff_text: str
    risk: str | None
    must_change: tuple[str, ...]
    must_remove: tuple[str, ...]
    must_keep: tuple[str, ...]
    acceptance_checks: tuple[str, ...]


def commit_uri(key: ScopeKey, event: Observed) -> str:
    """A piece of evidence is one record of the log: its commit has its id."""
    return uri_of(key, "commit", event.node_id)


def view_of(key: ScopeKey, event: Observed) -> HandoffView:
    """The handoff with its address."""
    handoff = handoff_of(event)
    return HandoffView(
        id=event.node_id,
        uri=uri_of(key, event.node_type, event.node_id),
        type=event.node_type,
        client_id=event.client_id or None,
        handoff_kind=handoff.handoff_kind,
        anchor=handoff.anchor,
        title=event.title,
        summary=handoff.summary,
        handoff_text=handoff.handoff_text,
        file_path=handoff.file_path,
        repo_root=handoff.repo_root,
        symbol=handoff.symbol,
        risk=handoff.risk,
        acceptance_checks=handoff.acceptance_checks,
        tags=handoff.tags,
        target_files=handoff.files,
        next_action=handoff.next_action,
        must_change=handoff.must_change,
        must_remove=handoff.must_remove,
        must_keep=handoff.must_keep,
        memory_lane=event.audience.lane,
        commit_id=event.node_id,
        commit_uri=commit_uri(key, event),
    )


def prompt_safe(handoff: Handoff) -> PromptSafe:
    """The part of a handoff that may stand in a prompt."""
    return PromptSafe(
        anchor=_line(handoff.anchor),
        handoff_kind=handoff.handoff_kind,
        file_path=_maybe(handoff.file_path),
        repo_root=_maybe(handoff.repo_root),
        symbol=_maybe(handoff.symbol),
        summary=_line(handoff.summary, _LONG),
        handoff_text=_line(handoff.handoff_text, _LONG),
        risk=_maybe(handoff.risk),
        acceptance_checks=tuple(map(_line, handoff.acceptance_checks[:_MOST])),
        tags=tuple(map(_line, handoff.tags[:_MOST])),
    )


def execution_ready(handoff: Handoff) -> ExecutionReady:
    """What a host needs to go on: exact files and words."""
    return ExecutionReady(
        anchor=handoff.anchor,
        handoff_kind=handoff.handoff_kind,
        file_path=handoff.file_path,
        repo_root=handoff.repo_root,
        symbol=handoff.symbol,
        target_files=handoff.files,
        next_action=handoff.next_action,
        summary=handoff.summary,
        handoff_text=handoff.handoff_text,
        risk=handoff.risk,
        must_change=handoff.must_change,
        must_remove=handoff.must_remove,
        must_keep=handoff.must_keep,
        acceptance_checks=handoff.acceptance_checks,
    )


def moment(event: Observed) -> str:
    """When the handoff was observed."""
    return iso(event.observed_at)


def _line(text: str, limit: int = _SHORT) -> str:
    line = one_line(text, limit)
    return f'"{line}"' if _OPENING.match(line) else line


def _maybe(text: str | None) -> str | None:
    return None if text is None else _line(text)
