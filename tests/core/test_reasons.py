"""Reason codes as metric labels: a bounded set, whatever hostile text makes its way into a detail."""

from hypothesis import given
from hypothesis import strategies as st

from firewall.core.model import Kind, Lifecycle
from firewall.core.reasons import REASONS, head, metric_label

UNBOUNDED = [code.head for code in REASONS if not code.bounded]


@given(st.sampled_from(UNBOUNDED), st.text(max_size=40))
def test_ids_are_never_labels(code: str, detail: str) -> None:
    """A code whose detail is an id is its own label."""
    assert metric_label(f"{code}:{detail}") == code
    assert metric_label(code) == code


@given(st.text(max_size=40))
def test_the_label_of_anything(reason: str) -> None:
    """What the table does not know has one label for all of it."""
    label = metric_label(reason)
    assert label == "other" or head(label) in {code.head for code in REASONS}


def test_a_bounded_detail_is_kept() -> None:
    """Where the detail is of a small set it stands in the label; what follows it does not."""
    assert metric_label("injection:override") == "injection:override"
    assert metric_label("execution:recommends:route-17") == "execution:recommends"
    assert {metric_label(f"too_old:{kind.value}") for kind in Kind} == {
        f"too_old:{kind.value}" for kind in Kind
    }
    assert metric_label(f"label:{Lifecycle.failed.value}") == "label:failed"
    assert metric_label("trust_capped:trusted->known") == "trust_capped:trusted->known"
