"""What becomes of a write: the most severe word counts, and strict modes store nothing that they would not let be read."""

import pytest

from firewall.core.model import Action, Family, Finding, Mode
from firewall.core.writing import WriteAction, write_action

INJECTED = Finding(Family.content, Action.do_not_use, "injection:override")
DISGUISED = Finding(Family.content, Action.inspect_before_use, "obfuscation:invisible")
PAYEE = Finding(Family.procedure_change, Action.inspect_before_use, "procedure_change:payee")
FAILED = Finding(Family.error, Action.do_not_use, "adjudication_error")
PII = Finding(Family.content, Action.use_now, "pii:phone")

STORE, MARKED, HOLD, REFUSE = WriteAction
OUT = {Family.content: MARKED}
LOOK = {Family.procedure_change: HOLD}


@pytest.mark.parametrize(
    ("findings", "mode", "word"),
    [
        ((), Mode.standard, STORE),
        ((PII,), Mode.firewall, STORE),
        ((INJECTED,), Mode.standard, MARKED),
        ((INJECTED,), Mode.strict, REFUSE),
        ((DISGUISED,), Mode.strict, STORE),
        ((FAILED,), Mode.standard, REFUSE),
        ((PAYEE, FAILED), Mode.standard, REFUSE),
        ((PAYEE,), Mode.standard, HOLD),
        ((PAYEE, INJECTED), Mode.standard, HOLD),
        ((INJECTED, PAYEE), Mode.firewall, REFUSE),
    ],
)
def test_the_word(findings: tuple[Finding, ...], mode: Mode, word: WriteAction) -> None:
    """By family and action; the order of findings is nothing."""
    assert write_action(findings, mode, OUT, LOOK) is word
    assert write_action(tuple(reversed(findings)), mode, OUT, LOOK) is word


def test_strict_modes_may_hold() -> None:
    """Holding sends nothing either, so it is strict enough; refusing stays refusing."""
    for said, word in ((HOLD, HOLD), (REFUSE, REFUSE), (STORE, REFUSE)):
        assert write_action([INJECTED], Mode.firewall, {Family.content: said}, {}) is word


def test_the_policy_may_have_another_word_for_an_error() -> None:
    """What could not be judged goes only where an operator says so."""
    for said in (STORE, MARKED, HOLD):
        assert write_action([FAILED], Mode.standard, {Family.error: said}, {}) is said
