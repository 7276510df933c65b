"""Execution memory at scale: 100,000 steps in one scope. What does a start cost, a fold, a guide, an adjudication?

python -m tests.benchmarks.execution_scale [events]
"""

import asyncio
import gc
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from firewall.core.adjudicate import adjudicate
from firewall.core.compiled import compile_policy
from firewall.core.events import Record, ScopeKey
from firewall.core.evidence import Observed
from firewall.core.model import Candidate, Context
from firewall.core.policy import Policy
from firewall.core.state import State, fold_all
from firewall.core.visibility import EVERYONE
from firewall.log.projection import Projections
from firewall.log.snapshot import decode_state, draft_of, encode_state
from firewall.log.sqlite import SqliteLog
from tests.log.keys import RING, SIGNER
from tests.process.running import Line, serving

KEY = ScopeKey("acme", "checkout")
NOW = 1_790_000_000.0
STEPS, ROUTES = 50, 10
AREAS = [
    "billing",
    "checkout",
    "search",
    "catalog",
    "identity",
    "shipping",
    "returns",
    "ledger",
    "pricing",
    "inventory",
    "reports",
    "alerts",
]
VERBS = [
    "migrate",
    "rewrite",
    "extend",
    "split",
    "batch",
    "cache",
    "retry",
    "validate",
    "throttle",
    "reindex",
    "archive",
    "reconcile",
]
NOUNS = [
    "adapter",
    "gateway",
    "invoice",
    "payload",
    "cursor",
    "tenant",
    "webhook",
    "reservation",
    "refund",
    "partition",
    "snapshot",
    "pipeline",
    "currency",
    "threshold",
    "deadline",
    "replica",
    "envelope",
    "carrier",
    "coupon",
    "settlement",
    "subscription",
    "warehouse",
    "credential",
    "locale",
]
FILLER = [
    "the",
    "verifier",
    "because",
    "unrelated",
    "modules",
    "were",
    "changed",
    "and",
    "the",
    "integration",
    "suite",
    "stayed",
    "green",
    "after",
    "the",
    "second",
    "attempt",
    "while",
    "throughput",
    "dropped",
    "on",
    "large",
    "customers",
    "until",
    "the",
    "index",
    "was",
    "rebuilt",
    "from",
    "a",
    "clean",
    "checkpoint",
]
#: Words that are met as often as words are: the n-th one n times more seldom than the first.
SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "li",
    "mo",
    "nu",
    "pe",
    "ra",
    "si",
    "to",
    "va",
    "zo",
    "ker",
    "lan",
    "mir",
]
RARE = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES][:3_000]
WORDS = [*FILLER, *NOUNS, *AREAS, *RARE]
WEIGHTS = [1 / (place + 3) for place in range(len(WORDS))]
CANDIDATES = 100


def steps(count: int) -> Iterator[Observed]:
    """Steps of many tasks, each task's ways tried again and again; half of the ways fail at the end."""
    for number in range(count):
        # Tasks run beside each other, forty at a time.
        task, step = number % 40 + 40 * (number // (40 * STEPS)), number // 40 % STEPS
        words = random.Random(task * 1_000 + step)
        way = step % ROUTES
        area, verb, noun = AREAS[task % 12], VERBS[task // 12 % 12], NOUNS[(task + way) % len(NOUNS)]
        failed = way % 2 == 0
        yield Observed(
            node_id=f"{number:032x}",
            kind="execution",
            title=f"{verb} {area} through the {noun} {way}",
            text=" ".join(words.choices(WORDS, WEIGHTS, k=40)) + f" in run{task}x{step}",
            outcome="failed" if failed else "succeeded",
            role="verifier" if step % 5 == 0 else "worker",
            verified=step % 5 == 0,
            principal="agents",
            task_signature=f"{verb}-{area}-{task}",
            run_id=f"run-{task}-{step // 10}",
            target_files=(f"src/{area}/{noun}{verb.title()}{task}w{way}.ts", f"src/{area}/index{task}.ts"),
            evidence_refs=(f"ci:{number}",),
            payload=b'{"execution":{"summary":"' + b"x" * 300 + b'"}}',
            at=NOW + number,
            observed_at=NOW + number,
        )


def candidates(serial: int) -> list[Candidate]:
    """Memories as a drop-in answer brings them: they speak of the same things as the steps."""
    words = random.Random(serial)
    return [
        Candidate(
            id=f"m{serial}-{number}",
            upstream="mem0",
            text=f"Note {serial}-{number}: " + " ".join(words.choices(WORDS, WEIGHTS, k=30)),
            created_at=NOW - 1_000.0,
        )
        for number in range(CANDIDATES)
    ]


def adjudication(state: State) -> float:
    """Microseconds a candidate, the best of several answers; each text is new."""
    policy, context = (
        compile_policy(Policy(), "bench"),
        Context(decision_id="d", query="continue the migration"),
    )
    best = float("inf")
    for serial in range(9):
        answer = candidates(serial)
        began = time.perf_counter()
        adjudicate(answer, context, state, policy, NOW)
        best = min(best, (time.perf_counter() - began) / CANDIDATES * 1e6)
    return best


def recall(state: State) -> list[float]:
    """Seconds for each of some searches of the evidence."""
    spent = []
    for number in range(50):
        query = (
            f"{VERBS[number % 12]} {AREAS[number % 7]} {NOUNS[number % 24]} continue from the accepted route"
        )
        began = time.perf_counter()
        state.evidence.lexicon.search(query, limit=50, admit=lambda _: True)
        spent.append(time.perf_counter() - began)
    return spent


def resident() -> float:
    """MiB, now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def show(what: str, value: float, unit: str, goal: str = "") -> None:
    print(f"{what:>44} {value:>10.2f} {unit}{f'  (goal {goal})' if goal else ''}")


async def start(folder: Path) -> None:
    """What a process costs that starts on the log, from a snapshot; how long its loop stands still meanwhile."""
    log = await SqliteLog.open(folder / "memfw.db", signer=SIGNER)
    projections = Projections(log, ring=RING, clock=time.time)
    await projections.start()
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before)

    watching = asyncio.ensure_future(watch())
    began = time.perf_counter()
    loading = asyncio.ensure_future(projections.load(KEY))
    while projections.state(KEY) is None:  # noqa: ASYNC110  polled as requests would
        await asyncio.sleep(0.001)
    show("start from the snapshot", time.perf_counter() - began, "s", "<= 1")
    state = await loading
    show("its words gathered too", time.perf_counter() - began, "s")
    show("longest pause of the loop meanwhile", longest * 1e3, "ms")
    longest = 0.0
    began = time.perf_counter()
    await log.save_snapshot(KEY, state.offset, await asyncio.to_thread(draft_of(state).encode))
    show("snapshot saved", (time.perf_counter() - began) * 1e3, "ms")
    show("longest pause of the loop meanwhile", longest * 1e3, "ms")
    watching.cancel()
    await projections.close()
    await log.close()


async def guides(folder: Path) -> None:
    """`POST /v1/guide` over HTTP, of a process of its own."""
    async with serving(folder, {}) as process:
        line = await Line.open(process.address)
        spent: list[float] = []
        for number in range(-20, 200):
            body = {
                "scope": KEY.scope,
                "tenant_id": KEY.tenant,
                "query_text": f"{VERBS[number % 12]} {AREAS[number % 7]}: continue from the latest accepted route",
                "context": {
                    "task_signature": f"{VERBS[number % 36 // 12]}-{AREAS[number % 12]}-{number % 36}"
                },
                "context_mode": "compact_agent",
            }
            began = time.perf_counter()
            answer = await line.ask("POST", "/v1/guide", body)
            while number < 0 and answer.status == 503:  # until the scope is loaded
                answer = await line.ask("POST", "/v1/guide", body)
            if answer.status != 200:
                raise AssertionError(answer.body)
            if number >= 0:
                spent.append(time.perf_counter() - began)
        show("guide over HTTP, p50", statistics.median(spent) * 1e3, "ms", "<= 10")
        show("guide over HTTP, p99", sorted(spent)[-2] * 1e3, "ms")
        status = Path(f"/proc/{process.child.pid}/statm").read_text(encoding="ascii")
        show(
            "resident memory of that process", int(status.split()[1]) * resource.getpagesize() / 2**20, "MiB"
        )
        await line.close()


async def fill(folder: Path, listed: list[Observed]) -> None:
    """The log of these, and a snapshot of all of it."""
    log = await SqliteLog.open(folder / "memfw.db", signer=SIGNER)
    began = time.perf_counter()
    for first in range(0, len(listed), 500):
        await log.append(KEY, listed[first : first + 500])
    show("written to the log", len(listed) / (time.perf_counter() - began), "records/s")
    projections = Projections(log, ring=RING, clock=time.time)
    await projections.start()
    began = time.perf_counter()
    await projections.load(KEY)
    show("start without a snapshot", time.perf_counter() - began, "s")
    await projections.close()
    await log.close()


def in_memory(listed: list[Observed]) -> None:
    """Folding, looking up, adjudicating: no I/O."""
    before = resident()
    state = State()
    began = time.perf_counter()
    fold_all(state, records(listed))
    show("fold of a start", len(listed) / (time.perf_counter() - began), "records/s")
    evidence = state.evidence
    kept = f"{len(evidence.nodes)} nodes, {len(evidence.archived)} let go, {len(state.routes.routes)} routes"
    print(f"{'the state':>44} {kept}")
    found = decode_state(encode_state(state))
    assert found == state
    state = found
    _ = state.routes.tables, state.evidence.lexicon
    show("resident memory of the state", resident() - before, "MiB")
    began = time.perf_counter()
    again = [msgspec.structs.replace(one, node_id=f"a{one.node_id}") for one in listed[:2_000]]
    fold_all(state, records(again, after=len(listed)))
    show("fold of a warm state", len(again) / (time.perf_counter() - began), "records/s")
    full, empty = adjudication(state), adjudication(State())
    show("adjudication of a candidate, cold", full, "us")
    show("the same without execution memory", empty, "us")
    show("ratio", full / empty, "x")
    show("search of the evidence, p50", statistics.median(recall(state)) * 1e3, "ms")
    show("active path of a query, p50", statistics.median(paths(state)) * 1e6, "us")


def records(listed: list[Observed], *, after: int = 0) -> Iterator[Record]:
    for offset, event in enumerate(listed, after + 1):
        yield Record(key=KEY, offset=offset, event_id=f"e{offset}", event=event)


def paths(state: State) -> Iterator[float]:
    """Seconds for each of some queries."""
    for number in range(100):
        query = f"go on to {VERBS[number % 12]} the {AREAS[number % 7]} {number}"
        began = time.perf_counter()
        state.routes.active_path(EVERYONE, query)
        yield time.perf_counter() - began


async def main(count: int) -> None:
    listed = list(steps(count))
    gc.collect()  # as the server does after its start
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    print(f"execution memory: {count} steps in one scope")
    in_memory(listed)
    with tempfile.TemporaryDirectory() as directory:
        await fill(Path(directory), listed)
        await start(Path(directory))
        await guides(Path(directory))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 100_000))
