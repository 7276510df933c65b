"""The environments of `make test-backends`: one that cannot be had says why, and nothing is taken for ready that is not."""

from pathlib import Path

import pytest

from tests.backends import environments
from tests.backends.environments import ENVIRONMENTS, UnavailableError, main, python_of


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where they would lie."""
    monkeypatch.setattr(environments, "FOLDER", tmp_path / "made")
    return tmp_path / "made"


def test_what_was_not_made_is_not_there(folder: Path) -> None:
    """Nothing is made by asking for it."""
    with pytest.raises(UnavailableError, match="not made yet"):
        python_of("needledb")
    assert not folder.exists()


def test_without_time_every_one_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is printed, and stands there for the tests that are skipped."""
    main(0.0)
    assert capsys.readouterr().out.count("NOT to be had") == len(ENVIRONMENTS)
    for name in ENVIRONMENTS:
        with pytest.raises(UnavailableError, match="no time left"):
            python_of(name)


@pytest.mark.parametrize(("mark", "ready"), [("another one", False), (None, True)])
def test_one_of_other_requirements_is_out_of_date(folder: Path, mark: str | None, ready: bool) -> None:
    """An environment is ready for what it was made of, and for nothing else."""
    (folder / "zep-3").mkdir(parents=True)
    (folder / "zep-3" / ".ready").write_text(mark or environments._digest("zep-3"), encoding="utf-8")
    if ready:
        assert python_of("zep-3") == folder / "zep-3" / "bin" / "python"
    else:
        with pytest.raises(UnavailableError):
            python_of("zep-3")


def test_the_clients_versions_are_free() -> None:
    """Everything else is as it was tested together; no environment is bound to one major of a client."""
    lines = environments._constraints().splitlines()
    assert not [line for line in lines if line.startswith(("pinecone=", "zep-cloud="))]
    assert [line for line in lines if line.startswith("aiohttp=")]
