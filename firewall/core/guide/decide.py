"""Deciding: verdict, execution state and standing of every recalled memory become one action, one place, one reason.

The most severe of all wins. Where the adjudication came too late (`verdicts` None) only what execution state blocks is
named: nothing is admitted, and nothing is called failed that is not.
"""

from collections.abc import Mapping, Sequence

import msgspec

from firewall.core.evidence import NATIVE, Node
from firewall.core.guide.admission import Case, admit, authority_of, part_of, premise_of
from firewall.core.guide.lines import FILE_CHARS, prose
from firewall.core.guide.memory import USED, Memory, Part, Recalled
from firewall.core.guide.recall import Recall
from firewall.core.model import Action, Family, Finding, Verdict
from firewall.core.reasons import head
from firewall.core.route_words import distinctive, normal_path, words_of
from firewall.core.routes import ExecutionRoute
from firewall.core.state import State
from firewall.core.visibility import Viewer

_USE, _BLOCK = Action.use_now, Action.do_not_use
_CLEAN = Verdict(_USE, admitted=True)
#: Nobody has looked: nothing of such a memory is shown but what blocks it.
_LATE = Verdict(_BLOCK, admitted=False, findings=(Finding(Family.error, _BLOCK, "adjudication_error"),))
_REPORTS = "execution:reports_failed_route"
#: How the execution signal recognises a route by what a memory says, and not by what it is.
_BY_TEXT = frozenset({"by:path", "by:phrase", "by:wording", "by:task_signature"})


def decide(
    recalled: Recall,
    verdicts: Sequence[Verdict] | None,
    state: State,
    *,
    viewer: Viewer,
    query: str,
    shadow: bool = False,
) -> tuple[Memory, ...]:
    """One memory for each id, in the order of the recall. In shadow mode a verdict changes nothing."""
    words = distinctive(words_of(query))
    decided: dict[str, Memory] = {}
    late = [_LATE] * len(recalled.memories)
    for one, verdict in zip(recalled.memories, late if verdicts is None else verdicts, strict=True):
        findings = () if shadow or verdict is _LATE else verdict.findings
        memory = _decided(one, verdict, findings, recalled, state, viewer, words)
        if verdict is _LATE and memory.action is not _BLOCK:
            continue
        before = decided.get(one.memory_id)
        if before is None or memory.action > before.action:
            decided[one.memory_id] = memory
    return _with_files(tuple(decided.values()))


def _decided(
    one: Recalled,
    verdict: Verdict,
    findings: Sequence[Finding],
    recalled: Recall,
    state: State,
    viewer: Viewer,
    query: frozenset[str],
) -> Memory:
    """`findings` are those that count in this mode."""
    node, route = one.node, one.route
    found = [finding for finding in findings if finding.action is not _USE and _counts(finding, one)]
    action = max((finding.action for finding in found), default=_USE)
    reasons = [finding.reason for finding in found]
    current = active = False
    if node is not None:
        active = _is_active(one, recalled.active)
        current = active and route is not None and node.node_id == route.step_id
        rule = admit(_case(node, route, recalled, state, viewer, current=active))
        if rule.action is not _USE:
            reasons.insert(0 if rule.action >= action else len(reasons), rule.code)
        action = max(action, rule.action)
    verified = node is not None and (
        node.verified or (route is not None and route.verified and route.succeeded)
    )
    if not one.visible:
        reasons = reasons[:1]  # anything more would tell of a text that the viewer may not see
    elif premise := premise_of(query, one.candidate.title, action, reasons[0] if reasons else ""):
        reasons.append(premise)
    return Memory(
        recalled=one,
        verdict=_CLEAN if not findings and action is _USE else verdict,
        action=action,
        part=part_of(action, node, route, current=current),
        reasons=tuple(dict.fromkeys(reasons)),
        authority=authority_of(action, verified=verified),
    )


def _counts(finding: Finding, one: Recalled) -> bool:
    """What a finding adds to what is known of the step's own route.

    The text of a step that worked may tell what did not: that warns, and is no step back. A verifier's or reviewer's
    accepted step is not overruled by how its text reads at all. What a step's own route is, the admission has said.
    """
    node, route = one.node, one.route
    if node is None or route is None or finding.family is not Family.execution:
        return True
    if f"step:{route.step_id}" in finding.evidence:
        return False
    if not route.open:
        return True
    by_text = not _BY_TEXT.isdisjoint(finding.evidence)
    told = finding.reason == _REPORTS or head(finding.reason) == "text_signal"
    return not told and not (by_text and node.verified and route.verified)


def _is_active(one: Recalled, active: ExecutionRoute | None) -> bool:
    return active is not None and one.route is not None and one.route.key == active.key


def _case(
    node: Node,
    route: ExecutionRoute | None,
    recalled: Recall,
    state: State,
    viewer: Viewer,
    *,
    current: bool,
) -> Case:
    standing = state.standings.get((NATIVE, node.node_id))
    return Case(
        node=node,
        route=route,
        task=recalled.task,
        binds=route is not None and route.binds(viewer),
        overtaken=route is not None and route.open and state.routes.overtaken(route, viewer),
        current=current,
        demoted=standing is not None and standing.demoted,
    )


# ---- whose file is it --------------------------------------------------------------------------------------------

_When = tuple[float, int]


def _with_files(memories: tuple[Memory, ...]) -> tuple[Memory, ...]:
    """The files that each memory speaks of. One that is both gone on with and blocked belongs to the newer of the two:
    the blocked memory then stays as counter-evidence without it, or the other one goes on without it."""
    gone_on = _newest_of(memories, parts=USED)
    blocked = _newest_of(memories, parts=frozenset({Part.failed}))
    return tuple(
        msgspec.structs.replace(
            memory,
            files=tuple(prose(file, 4 * FILE_CHARS) for file in _files_of(memory, gone_on, blocked)),
        )
        for memory in memories
    )


def _files_of(memory: Memory, gone_on: Mapping[str, _When], blocked: Mapping[str, _When]) -> tuple[str, ...]:
    files = dict.fromkeys(memory.recalled.candidate.target_files)
    if memory.part is Part.failed:
        if not memory.failed_route:
            return ()
        return tuple(file for file in files if not _newer(gone_on, blocked, file))
    if memory.hostile:
        return ()
    if memory.part in USED:
        return tuple(
            file for file in files if normal_path(file) not in blocked or _newer(gone_on, blocked, file)
        )
    return tuple(files)


def _newer(one: Mapping[str, _When], other: Mapping[str, _When], file: str) -> bool:
    path = normal_path(file)
    return path in one and (path not in other or one[path] > other[path])


def _newest_of(memories: tuple[Memory, ...], parts: frozenset[Part]) -> dict[str, _When]:
    newest: dict[str, _When] = {}
    for memory in memories:
        if memory.part in parts and (memory.part in USED or memory.failed_route):
            for file in memory.recalled.candidate.target_files:
                path = normal_path(file)
                newest[path] = max(newest.get(path, (0.0, 0)), _when(memory))
    return newest


def _when(memory: Memory) -> _When:
    route, node = memory.recalled.route, memory.recalled.node
    if route is not None:
        return route.since, route.offset
    if node is not None:
        return node.observed_at, node.offset
    candidate = memory.recalled.candidate
    return candidate.updated_at or candidate.created_at or 0.0, 0
