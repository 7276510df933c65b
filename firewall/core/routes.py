"""Execution routes as the adjudication sees them: what was tried, what failed, and how to recognise a mention.

A later room fills the index from observed steps; a failed route given directly already blocks what recommends it.
"""

from typing import Literal

import msgspec

RouteState = Literal["active", "passed", "failed", "contested", "superseded"]


class ExecutionRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One way of doing a task. `step_id` is the observed step that put it into its state."""

    step_id: str
    state: RouteState
    title: str = ""
    text: str = ""
    task_signature: str = ""
    target_files: tuple[str, ...] = ()
    evidence_refs: tuple[str, ...] = ()
    memory_ids: tuple[str, ...] = ()


class RouteIndex(msgspec.Struct):
    """The routes of one scope. `active_path` are the files of the accepted route, for the `firewall` object."""

    routes: tuple[ExecutionRoute, ...] = ()
    active_path: tuple[str, ...] = ()
