"""Policy suites: what they run, what they report, and every mistake in them with its place."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from firewall.errors import ConfigError
from firewall.policy.report import as_junit, as_text
from firewall.policy.suite import load_suite
from firewall.policy.verify import CaseResult, SuiteResult, find_suites, verify

POLICIES = Path(__file__).parents[2] / "policies"

SUITE = """\
policy: POLICY
now: 2026-06-01T00:00:00Z
candidates:
  tea: {text: "Prefers tea."}
  gone: {text: "Lives in Hamburg.", expires_at: 2026-05-01T00:00:00Z}
cases:
- name: as expected
  want:
    tea: {action: use_now, admitted: true, reasons: [], trust: known}
    gone: {admitted: false, reasons: [expired]}
"""


def written(tmp_path: Path, text: str, name: str = "s_test.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def results_of(tmp_path: Path, cases: str, policy: str = "default") -> tuple[CaseResult, ...]:
    head = SUITE.partition("cases:")[0].replace("POLICY", policy)
    (result,) = verify([written(tmp_path, f"{head}cases:\n{cases}")])
    return result.cases


@pytest.mark.parametrize(
    "suite", sorted((POLICIES / "tests").glob("*_test.yaml")), ids=lambda path: path.name
)
def test_the_shipped_suites_pass(suite: Path) -> None:
    """What the shipped policies promise is so."""
    (result,) = verify([suite])
    assert [case for case in result.cases if case.failures] == []


def test_a_suite_that_passes(tmp_path: Path) -> None:
    """Every expectation that is met is silent."""
    (result,) = verify([written(tmp_path, SUITE.replace("POLICY", "default"))])
    assert result.cases == (CaseResult("as expected", ()),)
    assert result.policy.startswith("default@")


def test_each_difference_is_a_sentence(tmp_path: Path) -> None:
    """Action, admission, trust and reasons are compared apart; none of them shows a memory's text."""
    (case,) = results_of(
        tmp_path,
        "- name: all wrong\n  want:\n"
        "    tea: {action: do_not_use, admitted: false, trust: trusted, reasons: [expired]}\n"
        "    gone: {reasons: []}\n",
    )
    assert case.failures == (
        "tea: action is use_now, expected do_not_use",
        "tea: is admitted, expected to be withheld",
        "tea: trust is known, expected trusted",
        "tea: reasons are none, expected expired",
        "gone: reasons are expired, expected none",
    )


def test_the_rest_is_meant_by_a_star(tmp_path: Path) -> None:
    """`*` is what holds for each candidate that is not named."""
    (case,) = results_of(
        tmp_path, '- name: star\n  want: {gone: {admitted: false}, "*": {action: use_now}}\n'
    )
    assert case.failures == ()


def test_the_clock_is_the_suites(tmp_path: Path) -> None:
    """The same suite at an earlier `now` finds nothing expired."""
    text = SUITE.replace("POLICY", "default").replace("2026-06-01", "2026-04-01")
    (result,) = verify([written(tmp_path, text)])
    assert result.cases[0].failures == (
        "gone: is admitted, expected to be withheld",
        "gone: reasons are none, expected expired",
    )


def test_a_policy_of_ones_own(tmp_path: Path) -> None:
    """A path is seen from the suite; rules of that policy count; another policy can be tried on the command line."""
    own = tmp_path / "own.yaml"
    own.write_text(
        "name: own\nrules:\n- {id: no-tea, when: 'candidate.text matches \"tea\"', then: do_not_use}\n"
    )
    suite = written(tmp_path, SUITE.replace("POLICY", "own.yaml"))
    (result,) = verify([suite])
    assert result.policy.startswith("own@")
    assert result.cases[0].failures[0] == ("tea: action is do_not_use (policy:no-tea), expected use_now")
    assert verify([suite], "default")[0].failed == 0
    assert verify([suite], str(own))[0].failed == 1


def test_mistakes_in_a_suite(tmp_path: Path) -> None:
    """Wrong values, fixtures that do not exist, and candidates without expectation: all with their place."""
    text = """\
now: 2026-06-01T00:00:00Z
candidates: {tea: {text: "Prefers tea."}, gone: {text: "Lives in Hamburg."}}
routes: {legacy: {state: failed}}
cases:
- name: names
  input: {candidates: [tea, goen], routes: [legcy], reviews: [{candidate: gone, decision: release}]}
  want: {tee: {action: use_now}, tea: {}}
- name: silent
  want: {tea: {}}
"""
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_suite(path)
    assert [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems] == [
        "6:29: cases[0].input.candidates[1]: no candidate `goen`, did you mean `gone`?",
        "6:45: cases[0].input.routes[0]: no route `legcy`, did you mean `legacy`?",
        "6:75: cases[0].input.reviews[0].candidate: no candidate `gone`, did you mean `goen`?",
        "7:9: cases[0].want: says nothing of goen; `*` stands for the rest",
        "7:15: cases[0].want.tee: no candidate `tee`, did you mean `tea`?",
        "9:9: cases[1].want: says nothing of gone; `*` stands for the rest",
    ]


def test_what_cannot_run_is_listed_whole(tmp_path: Path) -> None:
    """Two suites of one broken policy and one broken suite: each problem once."""
    (tmp_path / "own.yaml").write_text("mode: none\n")
    files = [
        written(tmp_path, SUITE.replace("POLICY", "own.yaml"), "a_test.yaml"),
        written(tmp_path, SUITE.replace("POLICY", "own.yaml"), "b_test.yaml"),
        written(tmp_path, "now: yesterday\n", "c_test.yaml"),
    ]
    with pytest.raises(ConfigError) as caught:
        verify(files)
    assert [problem.path for problem in caught.value.problems] == ["candidates", "cases", "now", "mode"]


def test_finding_suites(tmp_path: Path) -> None:
    """Directories are searched whole; a place without a suite is a mistake, not a success."""
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    suite = written(folder, SUITE)
    (tmp_path / "policy.yaml").write_text("")
    assert find_suites([tmp_path, suite]) == [suite]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ConfigError, match="holds no suite"):
        find_suites([empty])


RESULTS = [
    SuiteResult("a_test.yaml", "p@1", (CaseResult("fine", ()),)),
    SuiteResult(
        "b_test.yaml", "p@1", (CaseResult('odd <name> & "q"', ("x: bad \x00\ud800 ]]>", "y: worse")),)
    ),
]


def test_text_report() -> None:
    """One line a suite, the failures under it, a total."""
    assert as_text(RESULTS).splitlines() == [
        "a_test.yaml [p@1]: ok (1 case)",
        "b_test.yaml [p@1]: 1 of 1 failed (1 case)",
        '  FAILED odd <name> & "q"',
        "    x: bad \x00\ud800 ]]>",
        "    y: worse",
        "2 suites, 2 cases, 1 failed",
    ]


def test_junit_report() -> None:
    """The XML is well-formed whatever a name holds, and counts what failed."""
    root = ET.fromstring(as_junit(RESULTS).encode())
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    cases = root.findall("testsuite/testcase")
    assert [case.get("name") for case in cases] == ["fine", 'odd <name> & "q"']
    failure = cases[1].find("failure")
    assert failure is not None
    assert failure.text == "x: bad \ufffd\ufffd ]]>\ny: worse"
