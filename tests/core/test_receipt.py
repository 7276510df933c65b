"""The receipt: who is named and who is only counted; facts and digests, never text."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.adjudicate import Adjudication
from firewall.core.compiled import compile_policy
from firewall.core.events import text_digest
from firewall.core.model import Action, Candidate, Context, Family, Finding, Mode, Verdict
from firewall.core.policy import Policy
from firewall.core.receipt import Receipt, receipt_of

POLICY = compile_policy(Policy(), "rev")
CLEAN = Verdict(Action.use_now, admitted=True)
COUNTED = Verdict(
    Action.use_now, admitted=True, findings=(Finding(Family.content, Action.use_now, "pii:phone"),)
)
SHOWN = Verdict(
    Action.inspect_before_use,
    admitted=True,
    findings=(Finding(Family.age, Action.inspect_before_use, "too_old:fact", show_text=True),),
)
OUT = Verdict(
    Action.do_not_use,
    admitted=False,
    findings=(
        Finding(Family.content, Action.do_not_use, "injection:override", evidence=("at:3",), rule="r1"),
        Finding(Family.lifecycle, Action.inspect_before_use, "superseded_by:m9", superseded_by="m9"),
    ),
)
POINTER = Verdict(
    Action.rehydrate, admitted=False, findings=(Finding(Family.size, Action.rehydrate, "too_large:9"),)
)
verdicts = st.sampled_from([CLEAN, COUNTED, SHOWN, OUT, POINTER])


def candidates(count: int) -> list[Candidate]:
    return [Candidate(id=f"m{number}", upstream="mem0", text=f"text of {number}") for number in range(count)]


def receipt(
    given_verdicts: list[Verdict],
    *,
    memories: list[Candidate] | None = None,
    delivered: list[bool] | None = None,
    considered: int | None = None,
) -> Receipt:
    return receipt_of(
        memories or candidates(len(given_verdicts)),
        Adjudication(tuple(given_verdicts), {"quiet": 2}),
        Context(decision_id="d-1", mode=Mode.strict, tenant="acme", scope="checkout", principal="team"),
        POLICY,
        now=7.0,
        offset=42,
        upstream="mem0",
        route="search",
        delivered=delivered,
        considered=considered,
    )


def test_what_it_says() -> None:
    """Who asked, where, under which policy, by which state; an entry for each that is not plainly used."""
    made = receipt([CLEAN, COUNTED, SHOWN, OUT])
    assert (made.decision_id, made.at, made.offset) == ("d-1", 7.0, 42)
    assert (made.tenant, made.scope, made.principal) == ("acme", "checkout", "team")
    assert (made.policy, made.mode, made.upstream, made.route) == ("default@rev", "strict", "mem0", "search")
    assert [entry.id for entry in made.entries] == ["m1", "m2", "m3"]
    out = made.entries[-1]
    assert (out.action, out.admitted, out.rule, out.evidence) == ("do_not_use", False, "r1", ("at:3",))
    assert out.reasons == ("injection:override", "superseded_by:m9")
    assert out.superseded_by == "m9"
    assert out.digest == text_digest("text of 3")
    assert made.shadow_rules == {"quiet": 2}


@given(st.lists(verdicts, max_size=12), st.data())
def test_the_counts_add_up(chosen: list[Verdict], data: st.DataObject) -> None:
    """Considered is all; surplus, admitted and withheld share it out; so do the four actions without the surplus."""
    cut = data.draw(st.integers(0, len(chosen)))
    delivered = [data.draw(st.booleans()) for _ in chosen]
    counts = receipt(chosen, delivered=delivered, considered=cut).counts
    assert counts.considered == len(chosen)
    assert counts.surplus + counts.admitted + counts.withheld == len(chosen)
    assert counts.admitted == sum(delivered[:cut])
    actions = counts.use_now + counts.inspect_before_use + counts.rehydrate + counts.do_not_use
    assert actions == cut


@given(st.lists(verdicts, max_size=8), st.randoms(use_true_random=False))
def test_the_order_changes_no_digest(chosen: list[Verdict], random: object) -> None:
    """Whatever order an answer came in, counts and digest are the same and the entries are the same set."""
    memories = candidates(len(chosen))
    pairs = list(zip(memories, chosen, strict=True))
    assert hasattr(random, "shuffle")
    random.shuffle(pairs)
    one = receipt(chosen, memories=memories)
    other = receipt([verdict for _, verdict in pairs], memories=[memory for memory, _ in pairs])
    assert one.plain_digest == other.plain_digest
    assert one.counts == other.counts
    assert set(one.entries) == set(other.entries)


def test_the_digest_tells_who_was_used() -> None:
    """Other memories, another digest; surplus rows are in none."""
    assert receipt([CLEAN, CLEAN]).plain_digest != receipt([CLEAN]).plain_digest
    assert receipt([CLEAN, CLEAN], considered=1).plain_digest == receipt([CLEAN]).plain_digest


@given(st.lists(verdicts, min_size=1, max_size=6), st.text(min_size=12))
def test_no_text_is_in_it(chosen: list[Verdict], text: str) -> None:
    """Whatever a memory says, its receipt does not repeat it."""
    secret = f"§secret§{text}"
    memories = [
        Candidate(id=f"m{number}", upstream="mem0", text=secret, title=secret, attached=(secret,))
        for number in range(len(chosen))
    ]
    assert b"\xc2\xa7secret" not in msgspec.json.encode(receipt(chosen, memories=memories))


def test_shadow_and_degraded_are_said() -> None:
    """A receipt of a fail mode names its cause."""
    made = receipt_of(
        [],
        Adjudication(()),
        Context(decision_id="d"),
        POLICY,
        now=0,
        offset=0,
        upstream="m",
        route="r",
        degraded="deadline",
    )
    assert (made.degraded, made.shadow, made.counts.considered) == ("deadline", False, 0)
