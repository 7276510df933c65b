"""What the caller is told: views of one receipt, text only where it is wrong but not hostile."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.adjudicate import Adjudication
from firewall.core.compiled import compile_policy
from firewall.core.model import Action, Candidate, Context, Family, Finding, Verdict
from firewall.core.policy import Policy
from firewall.core.receipt import receipt_of
from firewall.proxy.disclosure import FirewallObject, encoded, firewall_object, headers_of
from firewall.service.judging import chosen

CLEAN = Verdict(Action.use_now, admitted=True)
OLD = Verdict(
    Action.inspect_before_use,
    admitted=True,
    findings=(Finding(Family.age, Action.inspect_before_use, "too_old:fact", show_text=True),),
)
SUPERSEDED = Verdict(
    Action.inspect_before_use,
    admitted=False,
    findings=(
        Finding(
            Family.lifecycle,
            Action.inspect_before_use,
            "superseded_by:m0",
            show_text=True,
            superseded_by="m0",
        ),
    ),
)
HOSTILE = Verdict(
    Action.do_not_use,
    admitted=False,
    findings=(
        Finding(Family.content, Action.do_not_use, "injection:override", evidence=("at:0",)),
        Finding(Family.lifecycle, Action.inspect_before_use, "expired", show_text=True),
    ),
)
verdicts = st.sampled_from([CLEAN, OLD, SUPERSEDED, HOSTILE])


def disclosed(
    given_verdicts: list[Verdict], *, limit: int | None = None, shadow: bool = False
) -> FirewallObject:
    policy = compile_policy(Policy(shadow=shadow), "rev")
    memories = [
        Candidate(id=f"m{number}", upstream="mem0", text=f"text {number} {verdict.action.name}")
        for number, verdict in enumerate(given_verdicts)
    ]
    adjudication = Adjudication(tuple(given_verdicts))
    delivered, considered = chosen(given_verdicts, limit, shadow=shadow)
    receipt = receipt_of(
        memories,
        adjudication,
        Context(decision_id="d-1"),
        policy,
        now=0.0,
        offset=0,
        upstream="mem0",
        route="search",
        delivered=delivered,
        considered=considered,
    )
    return firewall_object(receipt, adjudication.named(memories))


def test_postures_and_counter_evidence() -> None:
    """Admitted with less than `use_now`: a posture. Withheld: the reason, and the text where it is not hostile."""
    shown = disclosed([CLEAN, OLD, SUPERSEDED, HOSTILE])
    assert shown.postures == {"m1": "inspect_before_use"}
    superseded, hostile = shown.withheld
    assert (superseded.id, superseded.superseded_by, superseded.text) == (
        "m2",
        "m0",
        "text 2 inspect_before_use",
    )
    assert (hostile.id, hostile.text, hostile.evidence) == ("m3", "", ("at:0",))
    assert hostile.reasons == ("injection:override", "expired")
    assert (shown.counts.admitted, shown.counts.withheld) == (2, 2)


@given(st.lists(verdicts, max_size=12), st.one_of(st.none(), st.integers(1, 12)))
def test_everyone_is_accounted_for(given_verdicts: list[Verdict], limit: int | None) -> None:
    """What is withheld is listed, as often as it is counted; a hostile text is nowhere; surplus is not mentioned."""
    shown = disclosed(given_verdicts, limit=limit)
    assert len(shown.withheld) == shown.counts.withheld
    assert not {row.id for row in shown.withheld} & set(shown.postures)
    assert b' do_not_use"' not in encoded(shown)  # how the hostile texts end
    listed = len(shown.withheld) + shown.counts.admitted
    assert listed == shown.counts.considered - shown.counts.surplus


def test_shadow_says_what_would_have_been() -> None:
    """Everything was delivered; what would have been withheld is listed all the same."""
    shown = disclosed([CLEAN, HOSTILE], shadow=True)
    assert (shown.shadow, shown.counts.admitted, shown.counts.withheld) == (True, 2, 0)
    assert [row.id for row in shown.withheld] == ["m1"]


def test_hostile_ids_stay_in_their_strings() -> None:
    """Whatever an id holds, the object is JSON and the id comes back as it was."""
    name = 'm"}],"results":[{"id":"evil\u2028\x00'
    memory = Candidate(id=name, upstream="mem0", text="text")
    adjudication = Adjudication((SUPERSEDED,))
    policy = compile_policy(Policy(), "rev")
    receipt = receipt_of(
        [memory], adjudication, Context(decision_id="d"), policy, now=0, offset=0, upstream="m", route="r"
    )
    shown = encoded(firewall_object(receipt, adjudication.named([memory])))
    assert msgspec.json.decode(shown)["withheld"][0]["id"] == name


def test_headers_are_the_receipt() -> None:
    """The five headers, with shadow said in the mode."""
    policy = compile_policy(Policy(shadow=True), "rev")
    receipt = receipt_of(
        [], Adjudication(()), Context(decision_id="d"), policy, now=0, offset=0, upstream="m", route="r"
    )
    assert dict(headers_of(receipt)) == {
        "Memfw-Decision-Id": "d",
        "Memfw-Policy": "default@rev",
        "Memfw-Mode": "standard; shadow",
        "Memfw-Admitted": "0",
        "Memfw-Withheld": "0",
    }


def test_how_stale_it_was_is_said_where_it_was() -> None:
    """In header and object alike; an answer from a current state has neither."""
    made = [
        receipt_of(
            [],
            Adjudication(()),
            Context(decision_id="d"),
            compile_policy(Policy(), "rev"),
            now=0,
            offset=0,
            upstream="m",
            route="r",
            staleness=seconds,
        )
        for seconds in (0.0, 4.25)
    ]
    current, stale = ((dict(headers_of(one)), encoded(firewall_object(one, []))) for one in made)
    assert "Memfw-Staleness" not in current[0]
    assert b"staleness" not in current[1]
    assert stale[0]["Memfw-Staleness"] == "4.25"
    assert msgspec.json.decode(stale[1])["staleness_seconds"] == 4.25
