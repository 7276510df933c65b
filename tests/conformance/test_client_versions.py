"""The same conformance tests for every major of a vendor's client, each in an environment of its own."""

import os
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.backends.environments import ROOT, UnavailableError, python_of

PINECONE = ("tests/conformance/test_pinecone_client.py",)
ZEP = ("tests/conformance/test_zep_client.py",)

pytestmark = [pytest.mark.backends, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("environment", "package", "version", "modules"),
    [
        ("pinecone-7", "pinecone", "7.", PINECONE),
        ("pinecone-8", "pinecone", "8.", PINECONE),
        ("pinecone-9", "pinecone", "9.", PINECONE),
        ("pinecone-10", "pinecone", "10.", PINECONE),
        ("zep-3", "zep-cloud", "3.", ZEP),
        ("zep-4", "zep-cloud", "4.", ZEP),
        (
            "langchain-pinecone",
            "langchain-pinecone",
            "0.2.13",
            ("tests/conformance/test_langchain_pinecone.py",),
        ),
    ],
)
def test_a_client_of_its_own_version(
    tmp_path: Path, environment: str, package: str, version: str, modules: tuple[str, ...]
) -> None:
    """That version is what runs; every test of the modules passes with it, and some do run."""
    try:
        python = str(python_of(environment))
    except UnavailableError as error:
        pytest.skip(str(error))
    asked = f"import importlib.metadata as m; print(m.version({package!r}))"
    installed = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert installed.startswith(version)
    report = tmp_path / "report.xml"
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *modules],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{package} {installed}{done.stdout}{done.stderr}"
    suite = ET.parse(report).getroot().find("testsuite")
    assert suite is not None
    assert int(suite.attrib["tests"]) - int(suite.attrib["skipped"]) >= 4
