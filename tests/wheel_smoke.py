"""Builds the wheel and uses it as a stranger would: in an environment of its own, from an empty folder.

Run with `python -m tests.wheel_smoke`. What works only in the source tree fails here: a policy that is not shipped, a
dependency that only the tests bring. One line a step; everything is made in a temporary folder.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHIPPED = ("strict", "default", "firewall", "shadow")
#: What belongs to the product; nothing else of a working tree gets into the build.
TREE = ("firewall", "adapters", "policies", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")
START_SECONDS = 30.0


def main() -> int:
    """Exit code 0, or 1 with the output of the step that failed."""
    with tempfile.TemporaryDirectory(prefix="memfw-wheel-") as name:
        try:
            smoke(Path(name))
        except subprocess.CalledProcessError as error:
            print(f"failed: {' '.join(map(str, error.cmd))}\n{error.stdout}\n{error.stderr}", file=sys.stderr)
            return 1
    return 0


def smoke(folder: Path) -> None:
    """Build, install, try."""
    wheel = build(folder)
    say("built", wheel.name)
    binaries = install(folder, wheel)
    empty = folder / "empty"
    empty.mkdir()
    say("installed", run([binaries / "memfw", "--version"], empty).strip())
    run([binaries / "memfw", "--help"], empty)
    say("helps", "memfw --help")
    for policy in SHIPPED:
        run([binaries / "memfw", "policy", "check", policy], empty)
    say("checked", f"policies {' '.join(SHIPPED)}")
    say("served", serve_once(binaries, empty))


def build(folder: Path) -> Path:
    """The wheel, from a copy of the tree, so that nothing that lies about gets in."""
    tree = folder / "tree"
    tree.mkdir()
    for name in TREE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, tree / name)
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ]
    run([*command, "--wheel-dir", folder / "dist", tree], folder)
    (wheel,) = (folder / "dist").glob("memfw-*.whl")
    return wheel


def install(folder: Path, wheel: Path) -> Path:
    """A fresh environment with the wheel and what it asks for; the folder of its commands."""
    environment = folder / "venv"
    venv.create(environment, with_pip=True)
    binaries = environment / ("Scripts" if os.name == "nt" else "bin")
    command: list[str | Path] = [
        binaries / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    run([*command, "--constraint", ROOT / "constraints.txt", wheel], folder)
    return binaries


def serve_once(binaries: Path, empty: Path) -> str:
    """One `/readyz` round trip with the installed command."""
    environ = {**clean(), "MEMFW_LISTEN__PORT": "0"}
    log = empty / "log"
    with log.open("wb") as lines:
        server = subprocess.Popen([binaries / "memfw", "serve"], cwd=empty, env=environ, stderr=lines)
    try:
        url = ready_at(server, log)
        with urllib.request.urlopen(f"{url}/readyz") as answer:
            status = answer.status
    finally:
        server.terminate()
        code = server.wait(START_SECONDS)
    if (status, code) != (200, 0):
        raise subprocess.CalledProcessError(code, ["memfw", "serve"], f"/readyz: {status}", log.read_text())
    return "memfw serve, /readyz 200, exit 0"


def ready_at(server: "subprocess.Popen[bytes]", log: Path) -> str:
    """The URL of the line that says it is ready."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        for line in log.read_text(encoding="utf-8").splitlines():
            if '"message":"ready"' in line:
                return str(json.loads(line)["url"])
        time.sleep(0.05)
    raise subprocess.CalledProcessError(
        server.poll() or 1, ["memfw", "serve"], "never ready", log.read_text()
    )


def clean() -> dict[str, str]:
    """The environment without anything that leads back to the tree."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "MEMFW_", "VIRTUAL_"))
    }


def run(command: Sequence[str | Path], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env=clean(), check=True, capture_output=True, text=True)
    return done.stdout


def say(step: str, what: str) -> None:
    print(f"wheel: {step:<9} {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
