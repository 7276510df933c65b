"""Three families of errors, by whose fault it is.

`CallerError` becomes a 4xx, `UpstreamError` a 502, 503 or 504, `ConfigError` ends a start with exit code 2.
`StateError` is the evidence log's part of the upstream family: the store is a peer too.
No message of any of them carries memory text or a credential.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


class MemfwError(Exception):
    """The root of the three families; never raised itself."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One mistake in a request body: the dotted path of the field, and what is wrong with it."""

    path: str
    message: str


class CallerError(MemfwError):
    """The request is wrong. `status` is 4xx (501 for what this upstream cannot do), `code` is stable."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        issues: Sequence[Issue] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.issues = tuple(issues)
        self.retry_after = retry_after


class UpstreamError(MemfwError):
    """The memory behind us failed. `status` is 502 (bad answer), 503 (away) or 504 (late)."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


class StateError(UpstreamError):
    """The evidence log could not store or read. Nothing was acknowledged."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(503, code, message, retry_after=1.0)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a file that a person wrote: where it is, and what is wrong."""

    file: str
    line: int
    column: int
    path: str
    message: str = field(compare=False)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class ConfigError(MemfwError):
    """A config or policy cannot be used; every problem is listed, sorted by place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))
