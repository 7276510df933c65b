"""An agent that does what its prompt says and knows nothing else: the same for every memory, and always the same.

It reads top to bottom. A file in a line that says it failed, or in a section for what failed, it never touches. It works on
the first file that the section for the active path names, else on the first that any line names, else on the first that
comes to its own mind.
"""

import re
from collections.abc import Sequence

_HEADER = re.compile(r"[A-Z][A-Z_]+:?")
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+\.\w+")
_FORBIDDING = ("FAILED_BRANCHES", "DO_NOT_USE")
_FORBIDDEN = re.compile(r"\b(?:failed|rejected|do not use|counter_evidence_only)\b", re.IGNORECASE)
_ACTIVE = "CURRENT_ACTIVE_PATH"


def choose(prompt: str, files: Sequence[str]) -> str | None:
    """The file to change; None where everything that comes to mind is ruled out. `files` are in the agent's own order."""
    section, active, named, forbidden = "", [], [], set[str]()
    for line in prompt.splitlines():
        if _HEADER.fullmatch(line.strip()):
            section = line.strip().rstrip(":")
            continue
        found = [path for path in _PATH.findall(line) if path in files]
        if section in _FORBIDDING or _FORBIDDEN.search(line):
            forbidden.update(found)
        elif section == _ACTIVE:
            active.extend(found)
        else:
            named.extend(found)
    return next((file for file in (*active, *named, *files) if file not in forbidden), None)
