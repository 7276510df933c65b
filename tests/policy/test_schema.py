"""The committed schemas and the generated tables say what the models say."""

import json
import re
from pathlib import Path

import pytest

from firewall.core.facts import CANDIDATE_ATTRIBUTES, CONSTANTS, Facts
from firewall.core.policy import Policy
from firewall.model_tree import rows
from firewall.policy.load import SHIPPED, Source, compile_sources
from firewall.policy.reference import refresh
from firewall.policy.schema import SCHEMAS, drifted_schemas, schema_text, write_schemas
from firewall.policy.suite import Suite
from firewall.yaml_source import validate

POLICIES = Path(__file__).parents[2] / "policies"


def test_the_committed_schemas_are_those_of_the_models() -> None:
    """Drift is an error: run `memfw policy schema --write`."""
    assert drifted_schemas(POLICIES / "schema") == []


def test_drift_is_seen(tmp_path: Path) -> None:
    """A missing and a changed schema are both named."""
    written = write_schemas(tmp_path)
    assert drifted_schemas(tmp_path) == []
    written[0].write_text("{}")
    written[1].unlink()
    assert drifted_schemas(tmp_path) == written


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_closed(name: str) -> None:
    """Each object of our own refuses unknown keys, so that an editor underlines what the loader refuses."""
    schema = json.loads(schema_text(SCHEMAS[name]))
    for part in (schema, *schema["$defs"].values()):
        if "properties" in part:
            assert part["additionalProperties"] is False


def test_each_policy_names_its_schema() -> None:
    """The first line of each shipped policy and suite leads an editor to a schema that exists."""
    files = [POLICIES / f"{name}.yaml" for name in SHIPPED] + sorted((POLICIES / "tests").glob("*_test.yaml"))
    for file in files:
        first = file.read_text().splitlines()[0]
        match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert match, file
        wanted = "policy_test.schema.json" if file.name.endswith("_test.yaml") else "policy.schema.json"
        assert (file.parent / match[1]).resolve() == POLICIES / "schema" / wanted


def test_the_readme_is_made_from_the_model() -> None:
    """The tables between the markers are the generated ones; every key, fact and constant is in the page."""
    readme = (POLICIES / "README.md").read_text()
    assert refresh(readme) == readme
    names = [f"`{'.'.join(row.path)}`" for row in rows(Policy)]
    names += [f"`{name}`" for name in Facts.__struct_fields__ if name != "candidate"]
    names += [f"`candidate.{name}`" for name in CANDIDATE_ATTRIBUTES if name != "owner"]
    names += [f"`{name}`" for name in CONSTANTS]
    assert [name for name in names if name not in readme] == []


def test_every_key_has_a_meaning() -> None:
    """A row without a sentence explains nothing."""
    assert [row.path for row in rows(Policy) if not row.meaning] == []


def test_the_examples_of_the_readme_work() -> None:
    """The rules shown compile, the suite shown is one."""
    policy, suite = re.findall(r"```yaml\n(.*?)```", (POLICIES / "README.md").read_text(), re.DOTALL)
    assert len(compile_sources([Source("README.md", policy.encode())]).rules) == 2
    assert validate(Suite, suite, "README.md").cases


def test_a_document_without_its_marker_is_refused() -> None:
    """A table that has lost its place is not dropped silently."""
    with pytest.raises(ValueError, match="keys"):
        refresh("# Policies\n")
