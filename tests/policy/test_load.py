"""Policy files to a compiled policy: names, directories, every mistake at once, the revision."""

from pathlib import Path

import pytest

from firewall.core.model import Action, Mode, Surface
from firewall.core.policy import Policy
from firewall.errors import ConfigError
from firewall.policy.load import SHIPPED, digest_of, load_policy, locate_policy, read_sources
from tests.core.expression_reference import facts

KINDS = "'fact', 'preference', 'project_context', 'procedure', 'event', 'evidence', 'rule', 'execution_memory' or 'unknown'"


def written(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def problems_of(source: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_policy(source)
    folder = source if source.is_dir() else source.parent
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_by_name(name: str) -> None:
    """A shipped policy is found by its name, from wherever one stands."""
    policy = load_policy(name)
    assert policy.source.name == name
    assert policy.label == f"{name}@{policy.revision}"
    assert locate_policy(name).is_absolute()


def test_the_default_file_is_the_default_policy() -> None:
    """`policies/default.yaml` says exactly what the model's defaults say, and so does an empty file."""
    assert load_policy("default").source == Policy()


def test_an_empty_file_is_the_default_policy(tmp_path: Path) -> None:
    """A file holds only what differs."""
    policy = load_policy(written(tmp_path, p="# nothing\n") / "p.yaml")
    assert policy.source == Policy()
    assert policy.revision == load_policy("default").revision


def test_what_the_shipped_policies_differ_in() -> None:
    """Modes and shadow are what their names say."""
    modes = {name: load_policy(name).mode for name in SHIPPED}
    assert modes == {
        "default": Mode.standard,
        "strict": Mode.strict,
        "firewall": Mode.firewall,
        "shadow": Mode.standard,
    }
    assert [name for name in SHIPPED if load_policy(name).shadow] == ["shadow"]


def test_rules_are_compiled(tmp_path: Path) -> None:
    """A rule of the file is a function of facts, with its action and surfaces."""
    text = "rules:\n- {id: tea, when: '\"memory\" in candidate.text', then: rehydrate, owasp: ASI06, surfaces: [govern]}\n"
    (rule,) = load_policy(written(tmp_path, p=text) / "p.yaml").rules
    assert rule.when(facts()) is True
    assert rule.when(facts(text="other")) is False
    assert (rule.id, rule.action, rule.owasp) == ("tea", Action.rehydrate, "ASI06")
    assert rule.surfaces == {Surface.govern}


def test_every_mistake_at_once(tmp_path: Path) -> None:
    """Keys, values, conditions at their character and repeated ids: one list, in the order of the file."""
    text = """\
mdoe: strict
trust: {default: trused}
freshness: {kinds: {fcat: 3}}
rules:
- id: a
  when: candidate.kind == "fcat"
  then: do_not_use
- id: a
  when: >-
    trust < trusted
    and lifecycel == "stale"
  then: never
- {id: B, when: 'candidate.text matches "("', then: inspect_before_use, colour: red}
"""
    assert problems_of(written(tmp_path, p=text) / "p.yaml") == [
        "p.yaml:1:1: mdoe: unknown key, did you mean `mode`?",
        "p.yaml:2:18: trust.default: Input should be 'untrusted', 'unknown', 'known' or 'trusted'",
        "p.yaml:3:21: freshness.kinds.fcat: Input should be " + KINDS,
        "p.yaml:6:27: rules[0].when: `fcat` is unknown, did you mean `fact`?",
        "p.yaml:8:7: rules[1].id: this id already stands at p.yaml:5",
        "p.yaml:11:9: rules[1].when: `lifecycel` is unknown, did you mean `lifecycle`?",
        "p.yaml:12:9: rules[1].then: Input should be 'use_now', 'inspect_before_use', 'rehydrate' or 'do_not_use'",
        "p.yaml:13:8: rules[2].id: String should match pattern '^[a-z0-9][a-z0-9_.-]{0,63}$'",
        "p.yaml:13:41: rules[2].when: not a regular expression of RE2: missing ): (",
        "p.yaml:13:73: rules[2].colour: unknown key",
    ]


def test_a_directory_is_one_policy(tmp_path: Path) -> None:
    """Rules are joined in the order of file names; suites, hidden and other files are passed over."""
    rule = "rules:\n- {{id: {}, when: trust < known, then: rehydrate}}\n"
    written(
        tmp_path,
        **{
            "20-rules": rule.format("second"),
            "10-base": "name: joined\nmode: strict\n" + rule.format("first"),
            "x_test": "nonsense: [",
            ".hidden": "nonsense: [",
        },
    )
    (tmp_path / "notes.txt").write_text("nonsense: [")
    policy = load_policy(tmp_path)
    assert policy.source.name == "joined"
    assert policy.mode is Mode.strict
    assert [rule.id for rule in policy.rules] == ["first", "second"]


def test_mistakes_in_a_directory_name_their_file(tmp_path: Path) -> None:
    """A key in two files, an id in two files, and mistakes in each are reported where they stand."""
    rule = "rules:\n- {{id: same, when: {}, then: rehydrate}}\n"
    written(
        tmp_path,
        a="mode: strict\n" + rule.format("trust < known"),
        b="mode: firewall\n" + rule.format("trust < knwon"),
        c="name: [\n",
    )
    assert problems_of(tmp_path) == [
        "b.yaml:1:1: mode: already stands in a.yaml; a key belongs to one file of a directory",
        "b.yaml:3:8: rules[1].id: this id already stands at a.yaml:3",
        "b.yaml:3:28: rules[1].when: `knwon` is unknown, did you mean `known`?",
        "c.yaml:2:1: expected the node content, but found '<stream end>', while parsing a flow node",
    ]


def test_nothing_to_load(tmp_path: Path) -> None:
    """A name that is nothing, and a directory without a policy, say so."""
    with pytest.raises(ConfigError, match="none of default, strict, firewall, shadow"):
        load_policy("strct")
    with pytest.raises(ConfigError, match="holds no policy"):
        load_policy(tmp_path)


def test_the_revision_is_of_the_content(tmp_path: Path) -> None:
    """Comments, order and written-out defaults change nothing; a value, or the order of rules, does."""

    def revision(text: str) -> str:
        return load_policy(written(tmp_path, p=text) / "p.yaml").revision

    first = "- {id: a, when: trust < known, then: rehydrate}\n"
    second = "- {id: b, when: trust < known, then: rehydrate}\n"
    base = revision("name: x\nmode: strict\n")
    assert len(base) == 12
    assert revision("mode: strict # why\nname: x\nshadow: false\n") == base
    assert revision("name: x\nmode: firewall\n") != base
    assert revision(f"rules:\n{first}{second}") != revision(f"rules:\n{second}{first}")


def test_the_digest_tells_files_apart(tmp_path: Path) -> None:
    """What a reload compares: any byte and any name counts."""
    first = digest_of(read_sources(written(tmp_path, a="name: x\n")))
    assert digest_of(read_sources(tmp_path)) == first
    assert digest_of(read_sources(written(tmp_path, a="name: x\n\n"))) != first
    written(tmp_path, a="name: x\n", b="")
    assert digest_of(read_sources(tmp_path)) != first
