"""Conditions: what they mean (against a slow interpreter), what they refuse, and that nothing else comes out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.expression import ExpressionError, compile_expression
from firewall.core.expression_names import CANDIDATE, FACTS, ORDERED_WORDS
from firewall.core.expression_syntax import MAX_LENGTH
from firewall.core.facts import CANDIDATE_ATTRIBUTES, CONSTANTS, Facts
from firewall.core.model import Kind
from tests.core.expression_reference import facts, interpret

# ---- conditions that the language has, at random ----

_TEXTS = st.sampled_from(
    ["", "a", "tea", "u1", "a memory", 'with "other" quotes', "back\\slash", "src/app.py"]
)
_QUOTED = _TEXTS.map(lambda text: f"'{text}'" if '"' in text else f'"{text}"')
_TEXT_FACTS = st.sampled_from(
    [
        "candidate.text",
        "candidate.id",
        "candidate.superseded_by",
        "candidate.owner.user_id",
        "tenant",
        "query",
    ]
)
_SEVERAL = st.sampled_from(["candidate.target_files", "reasons"])
_SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_PATTERNS = st.sampled_from([r'"^a"', r'"te."', r'"\bu\d\b"', '""', '"(?i)MEMORY"', '"\\\\"'])
_ORDERED_FACTS = st.sampled_from(
    [("trust", word) for word in ("untrusted", "unknown", "known", "trusted")]
    + [("mode", word) for word in ("standard", "strict", "firewall")]
    + [("action", word) for word in ("use_now", "inspect_before_use", "rehydrate", "do_not_use")]
)
_COMPARISONS = st.one_of(
    st.tuples(_TEXT_FACTS, st.sampled_from(["==", "!="]), st.one_of(_QUOTED, _TEXT_FACTS)).map(" ".join),
    st.tuples(_TEXT_FACTS, st.sampled_from(["in", "not in"]), st.lists(_QUOTED, min_size=1, max_size=3)).map(
        lambda parts: f"{parts[0]} {parts[1]} [{', '.join(parts[2])}]"
    ),
    st.tuples(st.one_of(_QUOTED, _TEXT_FACTS), st.sampled_from(["in", "not in"]), _SEVERAL).map(" ".join),
    st.tuples(_QUOTED, st.just("in"), _TEXT_FACTS).map(" ".join),
    st.tuples(st.one_of(_TEXT_FACTS, _SEVERAL), st.just("matches"), _PATTERNS).map(" ".join),
    st.tuples(st.just("age_days"), _SIGNS, st.sampled_from(["0", "30", "400.5"])).map(" ".join),
    st.just("1 < age_days <= 400"),
    st.tuples(_ORDERED_FACTS, _SIGNS).map(lambda pair: f"{pair[0][0]} {pair[1]} {pair[0][1]}"),
    st.tuples(
        st.sampled_from(["age_days", "candidate.owner.user_id", "candidate.superseded_by"]),
        st.sampled_from(["== None", "!= None"]),
    ).map(" ".join),
    st.sampled_from(['candidate.kind == "fact"', '"content" in families', "True", "False"]),
)
_CONDITIONS = st.recursive(
    _COMPARISONS,
    lambda inner: st.one_of(
        inner.map(lambda condition: f"not ({condition})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) and {pair[1]}"),
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]} or ({pair[1]})"),
    ),
    max_leaves=6,
)
_FACTS = st.builds(
    facts,
    text=_TEXTS,
    kind=st.sampled_from(Kind),
    owner=st.dictionaries(st.just("user_id"), _TEXTS, max_size=1),
    superseded_by=st.none() | _TEXTS,
    target_files=st.lists(_TEXTS, max_size=2).map(tuple),
    trust=st.integers(0, 3),
    mode=st.integers(0, 2),
    action=st.integers(0, 3),
    age_days=st.none() | st.floats(0, 500),
    families=st.frozensets(st.sampled_from(["content", "age"])),
    reasons=st.frozensets(_TEXTS),
)


@given(_CONDITIONS, _FACTS)
def test_compiled_is_interpreted(condition: str, given_facts: Facts) -> None:
    """The compiled function says what the tree-walking interpreter says, as a bool."""
    answer = compile_expression(condition).when(given_facts)
    assert answer is interpret(condition, given_facts)


_PIECES = st.sampled_from(
    [
        *[
            "(",
            ")",
            "[",
            "]",
            ",",
            ".",
            "==",
            "!=",
            "<=",
            "<",
            "and",
            "or",
            "not",
            "in",
            "matches",
            "True",
            "None",
        ],
        *[
            "candidate",
            "text",
            "owner",
            "user_id",
            "trust",
            "trusted",
            "families",
            "age_days",
            "3",
            "1.5",
            '"a"',
            "'b'",
        ],
        *[
            "candidate.owner.x",
            "candidate.text.__class__",
            "__class__",
            "_",
            "lambda",
            "if",
            "else",
            "for",
            "await",
        ],
        *["@", "=", ":", ";", ":=", "**", "*", "+", "-", "%", "\\", 'r"\\d"', 'f"{x}"', "0x1f", "1_0"],
        *["\n", "\t", "é", "\x00", "\ud800"],
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=14).map(" ".join)))
def test_any_text_compiles_or_is_refused(source: str) -> None:
    """Whatever is written, there is a condition or an ExpressionError within the source; a condition never raises."""
    try:
        compiled = compile_expression(source)
    except ExpressionError as error:
        refused = error
    else:
        assert compiled.when(facts()) in (True, False)
        assert compiled.when(facts(text="\ud800", owner={"user_id": "u"}, age_days=1.0)) in (True, False)
        return
    assert 0 <= refused.offset <= len(source)
    assert refused.message


@pytest.mark.parametrize(
    ("condition", "given_facts", "expected"),
    [
        ('candidate.kind == "fact"', facts(), True),
        ('candidate.kind in ("preference", "rule")', facts(), False),
        ("trust < trusted", facts(trust=2), True),
        ("trust in (known, trusted)", facts(trust=2), True),
        ("mode >= strict", facts(mode=0), False),
        ('candidate.text matches "^a .*y$"', facts(), True),
        ("candidate.text matches 'mem'", facts(), True),
        (r'candidate.text matches r"\bmemory\b"', facts(), True),
        (r'candidate.text matches "\bmemory\b"', facts(), True),
        ('reasons matches "^injection:"', facts(reasons=frozenset({"injection:override"})), True),
        ('"memo" in candidate.text', facts(), True),
        ('"Memo" in candidate.text', facts(), False),
        ("age_days > 30", facts(age_days=None), False),
        ("age_days <= 30", facts(age_days=None), False),
        ("not age_days > 30", facts(age_days=None), True),
        ("age_days == None", facts(age_days=None), True),
        ('candidate.owner.user_id != "u1"', facts(), False),
        ('candidate.owner.user_id not in ("u1", "u2")', facts(), False),
        ("candidate.owner.user_id == None", facts(), True),
        ('candidate.owner.user_id == "u1"', facts(owner={"user_id": "u1"}), True),
        ('candidate.superseded_by matches "x"', facts(), False),
        ("10 < age_days < 20", facts(age_days=15.0), True),
        ("trust < trusted and\n  age_days == None", facts(), True),
        ('not "content" in families or False', facts(), True),
    ],
)
def test_meaning(condition: str, given_facts: Facts, expected: bool) -> None:
    """Each form of the language means what the README says."""
    assert compile_expression(condition).when(given_facts) is expected


@pytest.mark.parametrize(
    ("condition", "offset", "message"),
    [
        ("", 0, "a condition is expected here"),
        ("trust", 0, "a condition is expected here"),
        ("candidate", 0, "a condition is expected here"),
        ('not "a"', 4, "a condition is expected here"),
        ("trust < strict", 8, "compares trust with mode"),
        ("trust == 3", 9, "trust is one of untrusted, unknown, known, trusted"),
        ('trust == "trusted"', 9, "compares trust with text"),
        ('age_days == "3"', 12, "compares number with text"),
        ('candidate.kind == "fcat"', 18, "did you mean `fact`?"),
        ('"contnet" in families', 0, "did you mean `content`?"),
        ("lifecycle == current", 13, 'did you mean the text "current"?'),
        ('candidate.txet == "a"', 0, "did you mean `candidate.text`?"),
        ('candidate.owner == "a"', 0, "say which key of the owner"),
        ('tenant.id == "a"', 0, "only `candidate` has attributes"),
        ("true", 0, "did you mean `True`?"),
        ('candidate.text < "a"', 17, "texts have no order"),
        ('families == "content"', 12, "compares texts with text"),
        ('candidate.kind in ("fact")', 19, "a list is expected here"),
        ("candidate.kind in ()", 18, "an empty list"),
        ('candidate.kind in ("fact", None)', 27, "a list holds"),
        ("candidate.kind == None", 0, "this is never None"),
        ("age_days < None", 11, "None can only be compared"),
        ("trust = trusted", 6, "compare with `==`"),
        ('candidate.text matches "("', 23, "missing )"),
        ('candidate.text matches "(?=a)"', 23, "RE2"),
        ('candidate.text matches "(a{900}){900}"', 23, "RE2"),
        ("candidate.text matches tenant", 23, "a regular expression in quotes"),
        ('trust matches "a"', 0, "only text can be matched"),
        ('candidate.text == "a', 18, "never closed"),
        ("(trust == known", 0, "never closed"),
        ("trust == known)", 14, "never opened"),
        ('"a"in reasons', 3, "white space is missing"),
        ("trust == known known", 0, "cannot be understood"),
        ("len(reasons) > 3", 0, "calls are no part"),
        ('reasons["a"] == "b"', 0, "subscripts are no part"),
        ("age_days + 1 > 3", 9, "no part of the language"),
        ("-1 < age_days", 0, "no part of the language"),
        ("lambda: True", 0, "`lambda` is no part"),
        ("age_days is None", 9, "`is` is no part"),
        ("[age_days for age_days in reasons]", 10, "`for` is no part"),
        ("candidate.__class__ == None", 10, "cannot begin with an underscore"),
        ('candidate._x == "a"', 10, "cannot begin with an underscore"),
        ('f"{tenant}" == "a"', 1, "white space is missing"),
        ("True, False", 0, "a condition is expected here"),
    ],
)
def test_refusals(condition: str, offset: int, message: str) -> None:
    """What the language does not have, and what could never hold, is refused at its character."""
    with pytest.raises(ExpressionError, match=re.escape(message)) as caught:
        compile_expression(condition)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    "source",
    [
        "().__class__.__bases__",
        "__import__('os')",
        "candidate.text.__class__ == None",
        "candidate.owner.get.__self__ == None",
        "(lambda: 0)()",
        "trust == known if True else exec",
        "[x := 1]",
        "@" * 10,
        "eval",
        "f == 1",
        "k0 == k0",
    ],
)
def test_no_way_to_builtins(source: str) -> None:
    """Nothing that reaches past the vocabulary compiles, our own parameter and constants included."""
    with pytest.raises(ExpressionError):
        compile_expression(source)


def test_the_function_has_no_builtins() -> None:
    """Even the compiled function could not call one."""
    when = compile_expression('"a" in candidate.text').when
    assert when.__globals__["__builtins__"] == {}


@pytest.mark.parametrize(
    "source",
    [
        "a" * (MAX_LENGTH + 1),
        "(" * 21 + "True" + ")" * 21,
        "not " * 41 + "True",
        "not " * 30 + "True",
        ".".join(["a"] * 900) + " == 1",
        "candidate.text" + ' matches "a"' * 150,
        "9" * 400,
    ],
)
def test_bounded(source: str) -> None:
    """Length and nesting are bounded before Python's parser could run out of stack."""
    with pytest.raises(ExpressionError):
        compile_expression(source)


def test_a_long_flat_condition_is_fine() -> None:
    """The bounds leave room for what people write: long lists and many alternatives."""
    names = ", ".join(f'"u{number}"' for number in range(200))
    assert compile_expression(f"candidate.owner.user_id in ({names})").when(facts(owner={"user_id": "u7"}))
    assert not compile_expression(" or ".join(["trust == trusted"] * 100)).when(facts())


def test_the_vocabulary_is_that_of_facts() -> None:
    """Every fact, attribute and constant that is promised to operators has a sort, and nothing else has."""
    assert {*FACTS, "candidate"} == set(Facts.__struct_fields__)
    assert {*CANDIDATE, "owner"} == set(CANDIDATE_ATTRIBUTES)
    assert {word: number for word, (_, number) in ORDERED_WORDS.items()} == CONSTANTS
