"""The admission ladder as one table: every mode, label and evidence requirement, every trust, every claimed scope."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from firewall.core.compiled import compile_policy
from firewall.core.ladder import climb
from firewall.core.model import (
    Action,
    AuthorityScope,
    Claims,
    Context,
    EvidenceRequirement,
    Lifecycle,
    Mode,
    Surface,
    Trust,
)
from firewall.core.policy import Policy

TABLE: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("ladder.yaml").read_text())
POLICY = compile_policy(Policy(), "test")
LETTERS = {"U": Action.use_now, "I": Action.inspect_before_use, "R": Action.rehydrate, "D": Action.do_not_use}
EVIDENCE = tuple(EvidenceRequirement)


def actions(claims: Claims, trust: Trust, surface: Surface) -> str:
    """One letter for each mode, the mildest mode first."""
    found = ""
    for mode in Mode:
        finding = climb(claims, trust, Context(decision_id="d", surface=surface, mode=mode), POLICY)
        action = Action.use_now if finding is None else finding.action
        found += next(letter for letter, named in LETTERS.items() if named is action)
    return found


@pytest.mark.parametrize("surface", [Surface.drop_in, Surface.govern])
@pytest.mark.parametrize("label", TABLE["labels"])
def test_labels_and_evidence(label: str, surface: Surface) -> None:
    """A trusted memory with a scope that may act gets what the table says; evidence that is not stated is none."""
    lifecycle = None if label == "unstated" else Lifecycle(label)
    for evidence, want in zip(EVIDENCE, TABLE["labels"][label], strict=True):
        claims = Claims(evidence=evidence, lifecycle=lifecycle, authority_scope=AuthorityScope.project)
        assert actions(claims, Trust.trusted, surface) == want, evidence
    silent = Claims(lifecycle=lifecycle, authority_scope=AuthorityScope.project)
    assert actions(silent, Trust.trusted, surface) == TABLE["labels"][label][0]


@pytest.mark.parametrize("surface", [Surface.drop_in, Surface.govern])
def test_trust(surface: Surface) -> None:
    """What is trusted less is used less."""
    claims = Claims(lifecycle=Lifecycle.current, authority_scope=AuthorityScope.project)
    assert {trust.name: actions(claims, trust, surface) for trust in Trust} == TABLE["trust"]


def test_claimed_scopes() -> None:
    """On govern the claimed scope must be one that may act; in drop-in traffic nobody claims one."""
    scopes = {scope.value: scope for scope in AuthorityScope}
    for name, want in TABLE["authority_scope"].items():
        claims = Claims(lifecycle=Lifecycle.current, authority_scope=scopes.get(name))
        assert actions(claims, Trust.trusted, Surface.govern) == want, name
        assert actions(claims, Trust.trusted, Surface.drop_in) == "UUU", name
    assert set(scopes) < set(TABLE["authority_scope"])


def test_the_table_is_whole() -> None:
    """Every label of the model has its line."""
    assert set(TABLE["labels"]) == {label.value for label in Lifecycle} | {"unstated"}
    assert set(TABLE["trust"]) == {trust.name for trust in Trust}
