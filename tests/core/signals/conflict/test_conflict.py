"""The conflict signal: contradictions, corrections, continuations and copies within one answer."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.compiled import Env, compile_policy
from firewall.core.model import (
    Action,
    Attestation,
    Candidate,
    Context,
    Family,
    Finding,
    Kind,
    Mode,
    Surface,
    Trust,
)
from firewall.core.policy import Policy
from firewall.core.signals.conflict import check_set
from firewall.core.state import State

NOW = 1_795_305_600.0
POLICY = compile_policy(Policy(), "test")
OLD, NEW = NOW - 2000.0, NOW - 1000.0
PORT, CORRECTION = "Service port is 8080", "Correction: updated to 9090, earlier port note is wrong"


class Case(msgspec.Struct, forbid_unknown_fields=True):
    want: str
    older: str
    newer: str


CASES = msgspec.convert(
    yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text(encoding="utf-8")), list[Case]
)


def env(mode: Mode = Mode.firewall, surface: Surface = Surface.drop_in, *, ranked: bool = False) -> Env:
    return Env(Context(decision_id="d", mode=mode, surface=surface, ranked=ranked), POLICY, State(), NOW)


def memory(name: str, text: str, at: float | None = None, **parts: object) -> Candidate:
    return msgspec.structs.replace(Candidate(id=name, upstream="u", text=text, created_at=at), **parts)


def found(
    *candidates: Candidate, trusts: Sequence[Trust] = (), within: Env | None = None
) -> dict[str, list[tuple[Action, str]]]:
    """What each id got, by id."""
    given_trusts = trusts or [Trust.known] * len(candidates)
    findings = check_set(candidates, given_trusts, within or env())
    return {
        candidates[index].id: [(each.action, each.reason) for each in those]
        for index, those in findings.items()
    }


CORRECTED = [(Action.do_not_use, "contradiction:invalidates:new")]
OLDER = [(Action.inspect_before_use, "contradiction:supersedes:new")]


def unresolved(other: str) -> list[tuple[Action, str]]:
    return [(Action.inspect_before_use, f"contradiction:unresolved:{other}")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.older[:24]} / {case.newer[:24]}")
def test_case(case: Case) -> None:
    """The older of a contradicting pair yields to the newer, outright to a correction; like things are no contradiction."""
    got = found(memory("old", case.older, OLD), memory("new", case.newer, NEW))
    assert got == {"conflict": {"old": OLDER}, "correction": {"old": CORRECTED}, "fine": {}}[case.want]


def test_outside_mode_firewall_the_loser_is_inspected() -> None:
    """The relation is the same, the loser may be shown and names its winner."""
    pair = (memory("old", PORT, OLD), memory("new", CORRECTION, NEW))
    findings = check_set(pair, [Trust.known] * 2, env(Mode.standard))
    assert findings == {
        0: (
            Finding(
                Family.contested,
                Action.inspect_before_use,
                "contradiction:invalidates:new",
                show_text=True,
                superseded_by="new",
            ),
        )
    }


def test_without_dates_both_are_contested() -> None:
    """Nobody can say which one holds."""
    got = found(memory("old", PORT), memory("new", CORRECTION))
    assert got == {"old": unresolved("new"), "new": unresolved("old")}


def test_a_claimed_date_wins_nothing() -> None:
    """Metadata cannot make a memory newer."""
    got = found(memory("old", PORT, OLD), memory("new", CORRECTION, OLD, claimed_at=NEW))
    assert got == {"old": unresolved("new"), "new": unresolved("old")}


def test_a_date_ahead_of_now_wins_nothing() -> None:
    """What the future says is no date."""
    got = found(memory("old", PORT, OLD), memory("new", CORRECTION, NOW + 1e7))
    assert got == {"old": unresolved("new"), "new": unresolved("old")}


def test_a_fresh_correction_does_not_evict_a_truth_of_higher_trust() -> None:
    """The established one is not even marked."""
    got = found(memory("old", PORT, OLD), memory("new", CORRECTION, NEW), trusts=[Trust.trusted, Trust.known])
    assert got == {"new": unresolved("old")}


def test_a_fresh_unsigned_correction_does_not_evict_a_verified_truth() -> None:
    """At equal trust the attestation decides."""
    got = found(memory("old", PORT, OLD, attestation=Attestation.verified), memory("new", CORRECTION, NEW))
    assert got == {"new": unresolved("old")}


def test_a_majority_wins_nothing() -> None:
    """Ten old copies of a value yield to one newer value."""
    many = [memory(f"old{number}", PORT, OLD + number) for number in range(10)]
    got = found(*many, memory("new", "Service port is 9090", NEW))
    assert got == {f"old{number}": OLDER for number in range(10)}


def test_a_correction_that_could_mean_several_means_none() -> None:
    """It says port, and there are two ports."""
    assert (
        found(
            memory("a", "redis port is 6379", OLD),
            memory("b", "checkout port is 8080", OLD),
            memory("new", CORRECTION, NEW),
        )
        == {}
    )


def test_a_correction_that_names_the_old_value_means_that_one() -> None:
    """Of two ports, the one that was 8080."""
    got = found(
        memory("a", "redis port is 6379", OLD),
        memory("old", "checkout port is 8080", OLD),
        memory("new", "Port changed from 8080 to 9090", NEW),
    )
    assert got == {"old": CORRECTED}


def test_a_correction_counts_even_where_something_newer_says_the_same() -> None:
    """Who was corrected outright stays out, and names the correction rather than the newest."""
    got = found(
        memory("old", PORT, OLD),
        memory("new", CORRECTION, NEW),
        memory("newest", "Service port is 9090", NEW + 1),
    )
    assert got == {"old": CORRECTED}


@given(st.lists(st.text(alphabet="aAßsS \n\u3000", max_size=80), min_size=2, max_size=6))
def test_copies_are_the_same_up_to_case_and_white_space(texts: list[str]) -> None:
    """However long their words and gaps are."""
    got = found(*(memory(str(index), text) for index, text in enumerate(texts)), within=env(ranked=True))
    normal = [" ".join(text.casefold().split()) for text in texts]
    assert got == {
        str(index): [(Action.rehydrate, f"duplicate_of:{normal.index(text)}")]
        for index, text in enumerate(normal)
        if normal.index(text) != index
    }


@pytest.mark.parametrize("others", [1, 40])
def test_an_opposite_is_found_among_many_denials(others: int) -> None:
    """A text that affirms what another one denies is read however many things are denied."""
    denials = [memory(f"d{number}", f"User does not like thing{number}", NEW) for number in range(others)]
    got = found(
        memory("old", "User likes coffee", OLD), memory("new", "User does not like coffee", NEW), *denials
    )
    assert got == {"old": OLDER}


def test_owners_do_not_contradict_each_other() -> None:
    """Two users may like different things; two runs of one user may not."""
    one = memory("old", "User likes coffee", OLD, owner={"user_id": "u1", "run_id": "r1"})
    other = memory("new", "User does not like coffee", NEW, owner={"user_id": "u2"})
    assert found(one, other) == {}
    assert found(one, msgspec.structs.replace(other, owner={"user_id": "u1", "run_id": "r2"})) == {
        "old": OLDER
    }


def test_events_do_not_contradict_each_other() -> None:
    """Two events are two things."""
    pair = [
        memory("old", PORT, OLD, kind=Kind.event),
        memory("new", "Service port is 9090", NEW, kind=Kind.event),
    ]
    assert found(*pair) == {}


# ---- the accepted continuation -----------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [None, OLD])
def test_what_lies_beside_the_accepted_continuation_is_inspected(old: float | None) -> None:
    """Two memories on the old file do not outvote one on the new one, and are inspected, not blocked."""
    got = found(
        memory("a", "Continue the work", old, target_files=("src/old.ts",)),
        memory("b", "Next: finish src/old.ts", old),
        memory("c", "Also look at lib/other.ts", old),
        memory("new", "The accepted continuation is src/new.ts.", NEW),
    )
    inspected = [(Action.inspect_before_use, "contradiction:supersedes:new")]
    assert got == {"a": inspected, "b": inspected}


def test_an_older_acceptance_speaks_against_nothing_newer() -> None:
    """A genuinely newer route stays."""
    got = found(
        memory("old", "The accepted continuation is src/old.ts.", OLD),
        memory("new", "Continue the work", NEW, target_files=("src/new.ts",)),
    )
    assert got == {}


def test_an_acceptance_of_lower_trust_speaks_against_nobody() -> None:
    """A note that calls itself accepted does not mark what is trusted more."""
    got = found(
        memory("old", "Continue src/old.ts", OLD),
        memory("new", "The accepted continuation is src/new.ts.", NEW),
        trusts=[Trust.trusted, Trust.known],
    )
    assert got == {}


# ---- duplicates --------------------------------------------------------------------------------------------------

COPIES = (
    memory("b", "Prefers tea\nover coffee", OLD),
    memory("a", "  prefers TEA over  coffee", NEW),
    memory("c", "Prefers tea over coffee", OLD),
)


def test_copies_point_to_the_newest() -> None:
    """Case and white space do not make another text."""
    pointer = [(Action.rehydrate, "duplicate_of:a")]
    assert found(*COPIES, within=env(ranked=True)) == {"b": pointer, "c": pointer}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", " \n\t"),
        ("Wohnt in der Hauptstraße", "wohnt  in der HAUPTSTRASSE "),
        ("tea", "TEA" + " " * 5_000),
        ("x " * 5_000, "X\u2003" * 5_000),
        ("Größe ﬁnal", "\u2028GRÖSSE FINAL"),
    ],
)
def test_copies_are_found_whatever_they_end_with(one: str, other: str) -> None:
    """What tells most texts apart never tells copies apart."""
    got = found(memory("a", one), memory("b", other), memory("c", f"{one}c"), within=env(ranked=True))
    assert got == {"b": [(Action.rehydrate, "duplicate_of:a")]}


@given(
    st.lists(st.sampled_from(["tea", "STRASSE", "straße", "ﬁ", "İ", "\ud800", "x" * 70]), max_size=4),
    st.lists(st.sampled_from([" ", "\n", "\u2003 ", "\x1c", " " * 70]), min_size=6, max_size=6),
    st.sampled_from([str.casefold, str.swapcase, str.title, str]),
)
def test_case_and_white_space_make_no_other_text(
    words: list[str], gaps: list[str], cased: Callable[[str], str]
) -> None:
    """Written otherwise, a text that folds to the same is a copy."""
    plain = " ".join(words)
    other = gaps[5] + "".join(word + gap for word, gap in zip(words, gaps, strict=False))
    other = cased(other)
    same = " ".join(other.casefold().split()) == " ".join(plain.casefold().split())
    assert bool(found(memory("a", plain), memory("b", other), within=env(ranked=True))) == same


def test_trust_comes_before_time() -> None:
    """A fresh copy of low trust never stands in for an older one of higher trust."""
    got = found(*COPIES, trusts=[Trust.known, Trust.unknown, Trust.known], within=env(ranked=True))
    assert got == {"a": [(Action.rehydrate, "duplicate_of:b")], "c": [(Action.rehydrate, "duplicate_of:b")]}


@pytest.mark.parametrize(
    "within", [env(), env(surface=Surface.govern, ranked=True), env(surface=Surface.write, ranked=True)]
)
def test_copies_stay_where_nothing_is_ranked_or_the_policy_keeps_them(within: Env) -> None:
    """A page, a governed request and a write keep every row."""
    assert found(*COPIES, within=within) == {}


def test_copies_of_other_owners_and_upstreams_stay() -> None:
    """A copy must not stand in for what somebody else may see."""
    others = (
        memory("a", "Prefers tea", owner={"user_id": "1"}),
        memory("b", "Prefers tea", owner={"user_id": "2"}),
        memory("c", "Prefers tea", owner={"user_id": "1"}, upstream="v"),
    )
    assert found(*others, within=env(ranked=True)) == {}


def test_one_id_with_two_texts_is_named() -> None:
    """Both say so, neither is harmed; the same row twice is nothing."""
    named = [(Action.use_now, "duplicate_id")]
    twice = [
        memory("x", "Likes tea"),
        memory("x", "Likes rain"),
        memory("y", "Likes sun"),
        memory("y", "Likes sun"),
    ]
    findings = check_set(twice, [Trust.known] * 4, env(ranked=True))
    assert {index: [(each.action, each.reason) for each in those] for index, those in findings.items()} == {
        0: named,
        1: named,
    }


# ---- laws --------------------------------------------------------------------------------------------------------

TEXTS = st.sampled_from([text for case in CASES for text in (case.older, case.newer)]) | st.sampled_from(
    [
        "The accepted continuation is src/new.ts",
        "finish src/old.ts",
        "\ud800 port is 1\0",
        "",
        "User  LIKES coffee",
    ]
)
MEMORIES = st.builds(
    Candidate,
    id=st.sampled_from("abcdef"),
    upstream=st.just("u"),
    text=TEXTS,
    created_at=st.sampled_from([None, OLD, NEW]),
    attestation=st.sampled_from(list(Attestation)),
)


@given(
    st.lists(st.tuples(MEMORIES, st.sampled_from(list(Trust))), max_size=8), st.randoms(use_true_random=False)
)
def test_the_order_changes_no_finding(pairs: list[tuple[Candidate, Trust]], random: Random) -> None:
    """Shuffled, every candidate gets what it got."""
    shuffled = list(range(len(pairs)))
    random.shuffle(shuffled)
    within = env(ranked=True)
    straight = check_set([one for one, _ in pairs], [trust for _, trust in pairs], within)
    turned = check_set(
        [pairs[place][0] for place in shuffled], [pairs[place][1] for place in shuffled], within
    )
    assert {shuffled[place]: those for place, those in turned.items()} == straight


@given(st.lists(MEMORIES, min_size=2, max_size=6), st.integers(0, 5))
def test_lower_trust_harms_nobody(candidates: list[Candidate], place: int) -> None:
    """A candidate of the lowest trust adds no finding of conflict to the others."""
    place %= len(candidates)
    trusts = [Trust.untrusted if number == place else Trust.trusted for number in range(len(candidates))]
    without = check_set(
        candidates[:place] + candidates[place + 1 :], [Trust.trusted] * (len(candidates) - 1), env()
    )
    with_it = check_set(candidates, trusts, env())
    for number, candidate in enumerate(candidates):
        if number != place:
            before = without.get(number - (number > place), ())
            after = with_it.get(number, ())
            assert contested(after) <= contested(before), candidate.id


def contested(findings: Sequence[Finding]) -> Action:
    return max((each.action for each in findings if each.family is Family.contested), default=Action.use_now)


@given(st.lists(st.text(max_size=60), max_size=6))
def test_any_texts_are_compared(texts: list[str]) -> None:
    """No text raises."""
    candidates = [memory(str(number), text) for number, text in enumerate(texts)]
    check_set(candidates, [Trust.known] * len(texts), env(ranked=True))
