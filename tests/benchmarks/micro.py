"""Adjudication alone, per candidate, on a recorded kind of answer: read, adjudicate, rebuild."""

import json
import statistics
import time

from adapters.mem0 import Mem0Dialect
from firewall.core.adjudicate import adjudicate
from firewall.core.compiled import compile_policy
from firewall.core.model import Context
from firewall.core.policy import Policy
from firewall.core.state import State
from firewall.ports import Caller, Disclosure, WireRequest, WireResponse
from tests.benchmarks.canned_upstream import row

NOW = 1_790_000_000.0
REPEATS = 7


def measure(candidates: int) -> tuple[float, float]:
    """Microseconds a candidate: adjudication alone, and with reading and rebuilding. Best of several repeats."""
    dialect = Mem0Dialect("platform")
    user = f"u{candidates}"
    body = json.dumps({"query": "q", "filters": {"user_id": user}, "top_k": candidates}).encode()
    headers = (("Content-Type", "application/json"),)
    request = WireRequest(method="POST", path="/v3/memories/search/", headers=headers, body=body)
    match = dialect.match(request)
    assert match is not None
    plan = dialect.plan(request, match, Caller(), now=NOW)
    rows = json.dumps({"results": [row(index, user) for index in range(candidates)]}).encode()
    response = WireResponse(status=200, headers=headers, body=rows)
    policy = compile_policy(Policy(), "bench")
    context = Context(decision_id="d", pin=plan.pin, ranked=True)
    state = State()
    alone, whole = [], []
    for _ in range(REPEATS):
        loops = max(1, 2_000 // candidates)
        adjudication_time = 0.0
        started = time.perf_counter()
        for _ in range(loops):
            answer = dialect.read(plan, response)
            begun = time.perf_counter()
            adjudication = adjudicate(answer.candidates, context, state, policy, NOW)
            adjudication_time += time.perf_counter() - begun
            flags = [verdict.admitted for verdict in adjudication.verdicts]
            assert sum(flags) == candidates - candidates // 10
            dialect.rebuild(plan, answer, response, Disclosure(admitted=flags, firewall=b"{}"))
        whole.append((time.perf_counter() - started) / loops / candidates * 1e6)
        alone.append(adjudication_time / loops / candidates * 1e6)
    return min(alone), min(whole)


def main() -> None:
    print(f"{'candidates':>10} {'adjudicate us/candidate':>24} {'read+adjudicate+rebuild':>24}")
    figures = {count: measure(count) for count in (10, 100, 1000)}
    for count, (alone, whole) in figures.items():
        print(f"{count:>10} {alone:>24.2f} {whole:>24.2f}")
    print(f"median over sizes: {statistics.median(alone for alone, _ in figures.values()):.2f} us a candidate")


if __name__ == "__main__":
    main()
