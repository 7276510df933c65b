"""Every metric of memfw: name, meaning, labels, in one place. Label values come from bounded sets only.

Made once by the composition root with its own registry; nothing here is a module global with state. What every request
counts is one of our own `instruments`, the rest are `prometheus_client`'s.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from firewall.core.model import Action, Verdict
from firewall.core.reasons import metric_label
from firewall.instruments import Tally, Timing

_USE_NOW = Action.use_now
_NAMES = tuple(action.name for action in Action)


class Metrics:
    """The instruments. `registry` is what `/metrics` exposes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.candidates = Tally(
            "memfw_candidates", "Candidates adjudicated.", ("upstream", "action"), registry=self.registry
        )
        self.verdict_reasons = Tally(
            "memfw_verdict_reasons",
            "Reasons of verdicts that are not plain use_now.",
            ("upstream", "reason"),
            registry=self.registry,
        )
        self.shadow_candidates = Tally(
            "memfw_shadow_candidates",
            "Candidates that shadow mode would have withheld.",
            ("upstream", "action"),
            registry=self.registry,
        )
        self.shadow_rules = Counter(
            "memfw_shadow_rules", "What shadow rules would have done.", ("rule",), registry=self.registry
        )
        self.requests = Timing(
            "memfw_request_duration_seconds",
            "Whole request, as the client sees it.",
            ("upstream", "route", "status"),
            registry=self.registry,
        )
        self.adjudication = Timing(
            "memfw_adjudication_duration_seconds",
            "Adjudication of one answer.",
            registry=self.registry,
        )
        self.upstream = Timing(
            "memfw_upstream_duration_seconds",
            "Waiting for the upstream.",
            ("upstream",),
            registry=self.registry,
        )
        self.overhead = Timing(
            "memfw_overhead_duration_seconds",
            "Request duration less the wait for the upstream.",
            ("upstream",),
            registry=self.registry,
        )
        self.queue = Timing(
            "memfw_queue_duration_seconds",
            "Waiting for a free slot before the request was begun.",
            registry=self.registry,
        )
        self.log_append = Timing(
            "memfw_log_append_duration_seconds",
            "Append to the evidence log until acknowledged.",
            registry=self.registry,
        )
        self.log_trimmed = Counter(
            "memfw_log_trimmed",
            "What retention removed from the log: records of evidence, receipts.",
            ("kind",),
            registry=self.registry,
        )
        self.stamps = Counter(
            "memfw_stamps",
            "Places of writes: stamped, without room for a stamp, or such that no stamp fits.",
            ("upstream", "outcome"),
            registry=self.registry,
        )
        self.projection_lag = Gauge(
            "memfw_projection_lag_seconds",
            "How long ago the projections were last known to be current.",
            registry=self.registry,
        )
        self.projection_follow = Timing(
            "memfw_projection_follow_seconds",
            "From when an event was taken in, by its own process's clock, until a served scope here holds it.",
            registry=self.registry,
        )
        self.worker_info = Gauge(
            "memfw_worker_info",
            "Which of the workers behind one port this is (value 1).",
            ("worker",),
            registry=self.registry,
        )
        self.quarantine_items = Gauge(
            "memfw_quarantine_items",
            "Held texts and writes in the warm scopes, with what was settled lately.",
            registry=self.registry,
        )
        self.quarantine_dropped = Counter(
            "memfw_quarantine_dropped", "Sightings that a full buffer dropped.", registry=self.registry
        )
        self.quarantine_open = Gauge(
            "memfw_quarantine_open_items",
            "Held texts and writes of the warm scopes that wait for a decision, by who may settle them.",
            ("tier",),
            registry=self.registry,
        )
        self.quarantine_oldest = Gauge(
            "memfw_quarantine_oldest_seconds",
            "For how long the oldest item of the warm scopes has waited for a decision.",
            registry=self.registry,
        )
        self.quarantine_texts_dropped = Counter(
            "memfw_quarantine_texts_dropped",
            "Held texts that were not kept: a full buffer, or too large for the store.",
            registry=self.registry,
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
        self.limited = Counter(
            "memfw_limited",
            "Requests refused because their principal had taken all that it may: too many at once, or over time.",
            ("principal", "cause"),
            registry=self.registry,
        )
        self.unknown_routes = Counter(
            "memfw_unknown_routes",
            "Requests that no route table names.",
            ("upstream",),
            registry=self.registry,
        )

    def count_verdicts(self, upstream: str, plain: int, marked: Sequence[Verdict], *, shadow: bool) -> None:
        """The verdicts of one answer: how many are plain `use_now`, and the others. `upstream` is the mount's name."""
        candidates, reasons = self.candidates.counts, self.verdict_reasons.counts
        if plain:
            candidates[upstream, _NAMES[_USE_NOW]] += plain
        for verdict in marked:
            action = _NAMES[verdict.action]
            candidates[upstream, action] += 1
            for finding in verdict.findings:
                reasons[upstream, metric_label(finding.reason)] += 1
            if shadow and not verdict.admitted:
                self.shadow_candidates.counts[upstream, action] += 1

    def observe_request(self, upstream: str, route: str, status: int, seconds: float) -> None:
        self.requests.series[upstream, route, str(status)].observe(seconds)

    def observe_upstream(self, upstream: str, seconds: float) -> None:
        self.upstream.series[upstream,].observe(seconds)

    def observe_overhead(self, upstream: str, seconds: float) -> None:
        self.overhead.series[upstream,].observe(seconds)
