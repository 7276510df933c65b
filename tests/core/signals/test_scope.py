"""The scope signal: whose row it is, by the pin, the tenant and the scope."""

import pytest

from firewall.core.compiled import NOTHING, Env, compile_policy
from firewall.core.model import Action, Candidate, Context, Family
from firewall.core.policy import Policy
from firewall.core.signals.scope import check
from firewall.core.state import State

ENV = Env(
    Context(decision_id="d", tenant="acme", scope="checkout", pin={"user_id": "u1", "agent_id": "a1"}),
    compile_policy(Policy(), "test"),
    State(),
    0.0,
)
OWN = {"user_id": "u1", "agent_id": "a1"}


def found(owner: dict[str, str]) -> dict[str, tuple[str, ...]]:
    findings = check(Candidate(id="m", upstream="mem0", text="tea", owner=owner), ENV)
    assert all(finding.family is Family.scope and finding.action is Action.do_not_use for finding in findings)
    return {finding.reason: finding.evidence for finding in findings}


def test_an_own_row_is_no_finding() -> None:
    """Tenant and scope need not be stated; where they are, they have to be ours."""
    for more in ({}, {"tenant_id": "acme"}, {"tenant_id": "acme", "scope": "checkout"}):
        candidate = Candidate(id="m", upstream="mem0", text="tea", owner=OWN | more)
        assert check(candidate, ENV) is NOTHING


@pytest.mark.parametrize(
    ("owner", "keys"),
    [
        ({"user_id": "u2", "agent_id": "a1"}, ("key:user_id",)),
        ({"user_id": "u1"}, ("key:agent_id",)),
        ({}, ("key:user_id", "key:agent_id")),
        (OWN | {"scope": "payments"}, ("key:scope",)),
    ],
)
def test_a_foreign_row_names_every_key(owner: dict[str, str], keys: tuple[str, ...]) -> None:
    """A pinned key that is not stated counts as foreign."""
    assert found(owner) == {"scope_mismatch": keys}


def test_tenant_and_scope_are_both_named() -> None:
    """Neither hides the other."""
    owner = OWN | {"tenant_id": "other", "scope": "payments"}
    assert found(owner) == {"scope_mismatch": ("key:scope",), "tenant_mismatch": ("key:tenant_id",)}
    assert found(OWN | {"tenant_id": "other"}) == {"tenant_mismatch": ("key:tenant_id",)}
