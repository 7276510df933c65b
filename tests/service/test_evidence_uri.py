"""URIs of evidence: whatever a tenant or scope is called, a URI leads back to its id, and out of its scope nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.events import ScopeKey
from firewall.service.evidence.uri import id_of_uri, uri_of

_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
_KEYS = st.builds(ScopeKey, _NAMES, _NAMES)


@given(_KEYS, _NAMES, st.sampled_from(["aionis", "memfw"]))
def test_there_and_back(key: ScopeKey, node_id: str, scheme: str) -> None:
    """A URI names its id in its own scope, under either scheme."""
    uri = uri_of(key, "event", node_id)
    assert id_of_uri(key, scheme + uri.removeprefix("aionis")) == node_id


@given(_KEYS, _KEYS, _NAMES)
def test_no_uri_leads_into_another_scope(key: ScopeKey, other: ScopeKey, node_id: str) -> None:
    """Asked in another tenant or scope it names nothing."""
    found = id_of_uri(other, uri_of(key, "event", node_id))
    assert found == (node_id if other == key else None)


@pytest.mark.parametrize(
    "uri", ["", "n1", "http://default/default/event/n1", "aionis://default/default/n1", "aionis://a/b/c/d/e"]
)
def test_what_is_no_uri(uri: str) -> None:
    """Any other text names nothing."""
    assert id_of_uri(ScopeKey(), uri) is None
