"""Our own counters and histograms say to a scrape what `prometheus_client`'s would say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from firewall.instruments import Tally, Timing

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


def samples(registry: CollectorRegistry) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample that a scrape shows, but for when a series began."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@given(st.lists(st.sampled_from(BOUNDS) | st.floats(0, 20)))
def test_a_timing_is_a_histogram(seconds: list[float]) -> None:
    """The same buckets, count and sum, on the bounds too."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    timing = Timing("waited", "Waiting.", ("who",), registry=ours)
    histogram = Histogram("waited", "Waiting.", ("who",), buckets=BOUNDS, registry=theirs)
    for value in seconds:
        timing.series["a",].observe(value)
        histogram.labels("a").observe(value)
    assert samples(ours) == samples(theirs)


def test_a_timing_without_labels_is_there_from_the_start() -> None:
    """A scrape sees zero before anything was observed; with labels there is nothing to see."""
    registry = CollectorRegistry()
    timing = Timing("waited_seconds", "Waiting.", registry=registry)
    Timing("other_seconds", "Other.", ("who",), registry=registry)
    assert registry.get_sample_value("waited_seconds_count") == 0
    timing.observe(0.3)
    assert registry.get_sample_value("waited_seconds_sum") == pytest.approx(0.3)
    assert "other_seconds_count" not in generate_latest(registry).decode()


def test_a_tally_counts_by_labels() -> None:
    """Its name is the counter's, with `_total` behind it; hostile label values stay values."""
    registry = CollectorRegistry()
    tally = Tally("seen", "Things seen.", ("who", "what"), registry=registry)
    tally.counts["a", "b"] += 2
    tally.counts["a", 'x"\n'] += 1
    assert samples(registry) == {
        ("seen_total", (("what", "b"), ("who", "a"))): 2.0,
        ("seen_total", (("what", 'x"\n'), ("who", "a"))): 1.0,
    }


def test_a_name_is_taken_once() -> None:
    """Two instruments of one name are a mistake at start."""
    registry = CollectorRegistry()
    Tally("seen", "Things seen.", ("who",), registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Tally("seen", "Things seen.", ("who",), registry=registry)
