"""Counters and histograms for what every request counts: a number in a table, without locks and without calls.

They belong to the event loop's thread. The registry asks them when it is scraped, from whichever thread that is: a scrape
may see a request half counted, and the next one sees the rest. What is counted rarely uses `prometheus_client`'s own.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_BOUNDS = (*map(str, _SECONDS), "+Inf")


class Tally(Collector):
    """A counter: `counts[label values] += n`."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], *, registry: CollectorRegistry
    ) -> None:
        self.name, self.documentation, self.label_names = name, documentation, tuple(labels)
        self.counts: defaultdict[tuple[str, ...], int] = defaultdict(int)
        registry.register(self)

    def describe(self) -> Iterable[CounterMetricFamily]:
        """Name, meaning and labels, without a value."""
        return [CounterMetricFamily(self.name, self.documentation, labels=self.label_names)]

    def collect(self) -> Iterable[CounterMetricFamily]:
        """What was counted so far."""
        family = CounterMetricFamily(self.name, self.documentation, labels=self.label_names)
        for values, count in tuple(self.counts.items()):
            family.add_metric(values, count)
        return [family]


class Series:
    """The observations under one set of label values."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(_SECONDS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.buckets[bisect_left(_SECONDS, seconds)] += 1
        self.total += seconds


class Timing(Collector):
    """A histogram of seconds. Its child for label values is made once, and kept."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str] = (), *, registry: CollectorRegistry
    ) -> None:
        self.name, self.documentation, self.label_names = name, documentation, tuple(labels)
        #: By label values, made when first asked for.
        self.series: defaultdict[tuple[str, ...], Series] = defaultdict(Series)
        if not labels:
            self.series[()] = Series()
        registry.register(self)

    def observe(self, seconds: float) -> None:
        """Where there are no labels."""
        self.series[()].observe(seconds)

    def describe(self) -> Iterable[HistogramMetricFamily]:
        """Name, meaning and labels, without a value."""
        return [HistogramMetricFamily(self.name, self.documentation, labels=self.label_names)]

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """What was observed so far."""
        family = HistogramMetricFamily(self.name, self.documentation, labels=self.label_names)
        for values, series in tuple(self.series.items()):
            below = zip(_BOUNDS, accumulate(tuple(series.buckets)), strict=True)
            family.add_metric(values, list(below), series.total)
        return [family]
