"""What a caller of the client has to catch: one type for what the client refuses, and one for what the server answered.

No message repeats memory text.
"""

from typing import NamedTuple


class MemfwError(Exception):
    """The client refused, or could not reach the server. `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message


class AnswerIssue(NamedTuple):
    """One mistake in a request body, as the server names it."""

    path: str
    message: str


class MemfwAnswerError(MemfwError):
    """The server answered with an error. `retry_after` are seconds, where it said so."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        issues: tuple[AnswerIssue, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, f"{status}: {message}")
        self.status = status
        self.message = message
        self.issues = issues
        self.retry_after = retry_after
