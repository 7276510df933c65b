"""Request bodies of the native API: exactly the fields of a model, of exactly its types, within bounds.

Unknown keys are errors with their path and every problem is reported at once. No message repeats a value of the
request: a body holds memory text.
"""

from typing import Annotated, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from firewall.core.prompt import one_line
from firewall.errors import CallerError, Issue

Body = TypeVar("Body", bound="Strict")

#: How many issues are written out; the rest is counted.
ISSUES = 100
#: How deep a free object may be nested.
DEPTH = 16
_KEY_CHARS = 64

Name = Annotated[str, Field(min_length=1, max_length=256)]
Identifier = Annotated[str, Field(min_length=1, max_length=1024)]
#: An identifier as it stands on the wire: that of an upstream's memory has the upstream's name before it.
MemoryId = Annotated[str, Field(min_length=1, max_length=1536)]


class Strict(BaseModel):
    # Built when it is first asked for: most processes are asked by few routes.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


def decode(raw: bytes) -> object:
    """The JSON value of a body. CallerError 400 `invalid_request`."""
    try:
        return msgspec.json.decode(raw)
    except RecursionError:
        raise invalid([Issue("", "nested too deeply")]) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid([Issue("", "not a JSON document in UTF-8")]) from None


def validated(model: type[Body], decoded: object, *, context: object = None) -> Body:
    """The model of a decoded body. CallerError 400 `invalid_request` with every issue and its path."""
    try:
        return model.model_validate(decoded, context=context)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        raise invalid([_issue(problem) for problem in problems]) from None


def parsed(model: type[Body], raw: bytes) -> Body:
    """A body as it came, as its model."""
    return validated(model, decode(raw))


def shallow(value: object, *, depth: int = DEPTH) -> bool:
    """Whether a free JSON value is nested no deeper than `depth`."""
    level: list[object] = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            for inner in (
                outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()
            )
            if isinstance(inner, dict | list)
        ]
        if not level:
            return True
    return False


def require_shallow(value: dict[str, object]) -> dict[str, object]:
    """For field validators: the value itself, or the issue that it is too deep."""
    if not shallow(value):
        raise PydanticCustomError("too_deep", "May be nested {depth} deep at most", {"depth": DEPTH})
    return value


def invalid(issues: list[Issue]) -> CallerError:
    """400 `invalid_request` with these issues."""
    shown = issues[:ISSUES]
    if len(issues) > len(shown):
        shown.append(Issue("", f"and {len(issues) - len(shown)} more"))
    return CallerError(400, "invalid_request", f"problems in the request: {len(issues)}", issues=shown)


def _issue(problem: ErrorDetails) -> Issue:
    path = ".".join(
        one_line(part, _KEY_CHARS) if isinstance(part, str) else str(part) for part in problem["loc"]
    )
    return Issue(path, problem["msg"])
