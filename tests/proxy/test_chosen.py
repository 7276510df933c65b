"""Which rows of an answer go to the caller: the admitted ones, in order, up to the limit."""

from hypothesis import example, given
from hypothesis import strategies as st

from firewall.core.model import Action, Family, Finding, Verdict
from firewall.service.judging import chosen

IN = Verdict(Action.use_now, admitted=True)
OUT = Verdict(
    Action.do_not_use, admitted=False, findings=(Finding(Family.content, Action.do_not_use, "injection:x"),)
)
answers = st.lists(st.sampled_from([IN, OUT]), max_size=30)
limits = st.one_of(st.none(), st.integers(0, 35))


@given(answers, limits, st.booleans())
def test_the_flags_fit_the_answer(verdicts: list[Verdict], limit: int | None, shadow: bool) -> None:
    """One flag a row; what is considered is a beginning of the answer; nothing beyond it is delivered."""
    delivered, considered = chosen(verdicts, limit, shadow=shadow)
    assert len(delivered) == len(verdicts)
    assert 0 <= considered <= len(verdicts)
    assert not any(delivered[considered:])
    if limit is not None:
        assert sum(delivered) <= limit


@given(answers, limits)
@example(verdicts=[IN, IN], limit=0)
def test_only_what_is_admitted_is_delivered(verdicts: list[Verdict], limit: int | None) -> None:
    """And as much of it as fits, from the front: no admitted row is skipped for a later one."""
    delivered, _ = chosen(verdicts, limit, shadow=False)
    admitted = [index for index, verdict in enumerate(verdicts) if verdict.admitted]
    assert [index for index, flag in enumerate(delivered) if flag] == admitted[:limit]


@given(answers, st.integers(1, 35))
def test_surplus_is_not_withheld(verdicts: list[Verdict], limit: int) -> None:
    """Rows after the one that fills the answer were only read to fill it; without a limit there are none."""
    delivered, considered = chosen(verdicts, limit, shadow=False)
    if sum(delivered) == limit:
        assert delivered[considered - 1]
    else:
        assert considered == len(verdicts)
    assert chosen(verdicts, None, shadow=False)[1] == len(verdicts)


@given(answers, limits)
def test_shadow_changes_no_answer(verdicts: list[Verdict], limit: int | None) -> None:
    """In shadow mode the caller gets what there would be without us: the first rows, admitted or not."""
    delivered, considered = chosen(verdicts, limit, shadow=True)
    cut = len(verdicts) if limit is None else min(limit, len(verdicts))
    assert considered == cut
    assert list(delivered) == [True] * cut + [False] * (len(verdicts) - cut)
