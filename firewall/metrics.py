"""Every metric of memfw: name, meaning, labels, in one place. Label values come from bounded sets only.

Made once by the composition root with its own registry; nothing here is a module global with state. Children are
cached by label, because `.labels()` costs more than the increment.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from firewall.core.model import Action, Verdict
from firewall.core.reasons import metric_label

_USE_NOW = Action.use_now
_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The instruments. `registry` is what `/metrics` exposes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.candidates = Counter(
            "memfw_candidates", "Candidates adjudicated.", ("upstream", "action"), registry=self.registry
        )
        self.verdict_reasons = Counter(
            "memfw_verdict_reasons",
            "Reasons of verdicts that are not plain use_now.",
            ("upstream", "reason"),
            registry=self.registry,
        )
        self.shadow_candidates = Counter(
            "memfw_shadow_candidates",
            "Candidates that shadow mode would have withheld.",
            ("upstream", "action"),
            registry=self.registry,
        )
        self.shadow_rules = Counter(
            "memfw_shadow_rules", "What shadow rules would have done.", ("rule",), registry=self.registry
        )
        self.requests = Histogram(
            "memfw_request_duration_seconds",
            "Whole request, as the client sees it.",
            ("upstream", "route", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.adjudication = Histogram(
            "memfw_adjudication_duration_seconds",
            "Adjudication of one answer.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.upstream = Histogram(
            "memfw_upstream_duration_seconds",
            "Waiting for the upstream.",
            ("upstream",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.overhead = Histogram(
            "memfw_overhead_duration_seconds",
            "Request duration less the wait for the upstream.",
            ("upstream",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.queue = Histogram(
            "memfw_queue_duration_seconds",
            "Waiting for a free slot before the request was begun.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.log_append = Histogram(
            "memfw_log_append_duration_seconds",
            "Append to the evidence log until acknowledged.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.projection_lag = Gauge(
            "memfw_projection_lag_seconds", "How old the projection may be.", registry=self.registry
        )
        self.quarantine_items = Gauge(
            "memfw_quarantine_items", "Held items in the warm scopes.", registry=self.registry
        )
        self.quarantine_dropped = Counter(
            "memfw_quarantine_dropped", "Sightings that a full buffer dropped.", registry=self.registry
        )
        self.decisions_dropped = Counter(
            "memfw_decisions_dropped", "Receipts that a full buffer dropped.", registry=self.registry
        )
        self.policy_info = Gauge(
            "memfw_policy_info",
            "The policy in force (value 1).",
            ("name", "revision"),
            registry=self.registry,
        )
        self.policy_reload = Gauge(
            "memfw_policy_last_reload_success_timestamp_seconds",
            "When a policy was last activated.",
            registry=self.registry,
        )
        self.policy_failures = Counter(
            "memfw_policy_reload_failures", "Reloads that kept the last good policy.", registry=self.registry
        )
        self.breaker_open = Gauge(
            "memfw_breaker_open",
            "1 while the upstream's breaker is open.",
            ("upstream",),
            registry=self.registry,
        )
        self.degraded = Counter(
            "memfw_degraded", "Answers given in a fail mode.", ("cause",), registry=self.registry
        )
        self.denied = Counter(
            "memfw_denied", "Requests refused, by code.", ("upstream", "code"), registry=self.registry
        )
        self.unknown_routes = Counter(
            "memfw_unknown_routes",
            "Requests that no route table names.",
            ("upstream",),
            registry=self.registry,
        )
        self._upstream_children: dict[str, tuple[Histogram, Histogram]] = {}
        self._candidate_children: dict[tuple[str, Action], Counter] = {}
        self._reason_children: dict[tuple[str, str], Counter] = {}
        self._request_children: dict[tuple[str, str, int], Histogram] = {}

    def count_verdicts(self, upstream: str, verdicts: Sequence[Verdict], *, shadow: bool) -> None:
        """One pass over an answer; `upstream` is the mount's name. Each counter is touched once."""
        actions: dict[Action, int] = {}
        reasons: dict[str, int] = {}
        unshadowed: dict[Action, int] = {}
        plain = 0
        for verdict in verdicts:
            findings = verdict.findings
            if not findings:
                plain += 1
                continue
            actions[verdict.action] = actions.get(verdict.action, 0) + 1
            for finding in findings:
                reasons[finding.reason] = reasons.get(finding.reason, 0) + 1
            if shadow and not verdict.admitted:
                unshadowed[verdict.action] = unshadowed.get(verdict.action, 0) + 1
        if plain:
            actions[_USE_NOW] = actions.get(_USE_NOW, 0) + plain
        for action, count in actions.items():
            self._candidate(upstream, action).inc(count)
        for reason, count in reasons.items():
            self._reason(upstream, reason).inc(count)
        for action, count in unshadowed.items():
            self.shadow_candidates.labels(upstream, action.name).inc(count)

    def _candidate(self, upstream: str, action: Action) -> Counter:
        key = (upstream, action)
        child = self._candidate_children.get(key)
        if child is None:
            child = self._candidate_children[key] = self.candidates.labels(upstream, action.name)
        return child

    def _reason(self, upstream: str, reason: str) -> Counter:
        label = metric_label(reason)
        child = self._reason_children.get((upstream, label))
        if child is None:
            child = self._reason_children[upstream, label] = self.verdict_reasons.labels(upstream, label)
        return child

    def observe_request(self, upstream: str, route: str, status: int, seconds: float) -> None:
        key = (upstream, route, status)
        child = self._request_children.get(key)
        if child is None:
            child = self._request_children[key] = self.requests.labels(upstream, route, str(status))
        child.observe(seconds)

    def _timings(self, upstream: str) -> tuple[Histogram, Histogram]:
        children = self._upstream_children.get(upstream)
        if children is None:
            children = (self.upstream.labels(upstream), self.overhead.labels(upstream))
            self._upstream_children[upstream] = children
        return children

    def observe_upstream(self, upstream: str, seconds: float) -> None:
        self._timings(upstream)[0].observe(seconds)

    def observe_overhead(self, upstream: str, seconds: float) -> None:
        self._timings(upstream)[1].observe(seconds)
