"""Paths: cleaned, then matched exactly against the route table.

A path means the same to memfw and to every server behind it, or it is refused: unreserved characters are un-escaped
(`%65vents` is `events`), nothing else is; `//` collapses; `.` and `..`, also escaped, escaped twice or behind an escaped
slash, control characters and backslashes are 400. An escaped slash never separates segments here.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

import msgspec

from firewall.core.wire.values import Match, RouteSpec
from firewall.errors import CallerError

_MAX_PATH = 8_192
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_RAW_SEGMENT = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@%]*")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def bad_path() -> CallerError:
    return CallerError(400, "bad_path", "the path is not one that every server reads the same way")


def segment(value: str) -> str:
    """A path segment that holds `value`, however it is spelled."""
    raw = quote(value, safe="")
    decoded(raw)
    return raw


def decoded(raw: str) -> str:
    """The text of one raw segment; CallerError 400 `bad_path` for what a server could take for something else."""
    if not _RAW_SEGMENT.fullmatch(raw) or len(_ESCAPE.findall(raw)) != raw.count("%"):
        raise bad_path()
    try:
        text = unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise bad_path() from None
    if not text.strip() or not text.isprintable():
        raise bad_path()
    for _ in range(4):  # a server that decodes again must not find a way out either
        if "\\" in text or any(_climbs(part) for part in text.split("/")):
            raise bad_path()
        again = unquote(text, errors="replace")
        if again == text:
            return unquote(raw)
        text = again
    raise bad_path()


def _climbs(part: str) -> bool:
    """`..;x` is `..` to a server that knows parameters of path segments."""
    return part.partition(";")[0] in {".", ".."}


def _normal(raw: str) -> str:
    def unreserved(found: re.Match[str]) -> str:
        char = chr(int(found.group(1), 16))
        return char if char in _UNRESERVED else found.group(0).upper()

    return _ESCAPE.sub(unreserved, raw)


def segments(path: str) -> list[str]:
    """The raw segments of a path, cleaned."""
    if not path.startswith("/") or len(path) > _MAX_PATH:
        raise bad_path()
    return [_normal(raw) for raw in path.split("/") if raw]


class Table(msgspec.Struct, frozen=True):
    """The routes of one dialect, ready to be matched. Where two patterns fit, the more literal one is meant.

    `verbatim` holds the paths that need no cleaning, as nearly every client sends them.
    """

    verbatim: dict[tuple[str, str], Match]
    exact: dict[tuple[str, ...], Match]
    templates: dict[tuple[str, int], tuple[tuple[tuple[str, ...], Match], ...]]

    def match(self, method: str, path: str) -> Match | None:
        """The row that fits, with the cleaned path and the decoded parameters."""
        found = self.verbatim.get((method, path))
        if found is not None:
            return found
        raw = segments(path)
        texts = [decoded(part) for part in raw]
        found = self.exact.get((method, *raw))
        if found is not None:
            return found
        for pattern, match in self.templates.get((method, len(raw)), ()):
            if all(_fits(wanted, part) for wanted, part in zip(pattern, raw, strict=True)):
                return Match(
                    spec=match.spec,
                    path=_joined(raw, bare=not match.spec.pattern.endswith("/")),
                    params={
                        wanted[1:-1]: text
                        for wanted, text in zip(pattern, texts, strict=True)
                        if _is_name(wanted)
                    },
                )
        return None


def table_of(specs: Iterable[RouteSpec]) -> Table:
    """The table of these rows; a path may stand in it once for each method."""
    exact: dict[tuple[str, ...], Match] = {}
    templates: dict[tuple[str, int], list[tuple[tuple[str, ...], Match]]] = {}
    for spec in specs:
        pattern = tuple(part for part in spec.pattern.split("/") if part)
        match = Match(spec=spec, path=spec.pattern)
        if any(_is_name(part) for part in pattern):
            templates.setdefault((spec.method, len(pattern)), []).append((pattern, match))
        else:
            exact[(spec.method, *pattern)] = match
    return Table(
        {(match.spec.method, match.path): match for match in exact.values()},
        exact,
        {
            key: tuple(sorted(rows, key=lambda row: sum(map(_is_name, row[0]))))
            for key, rows in templates.items()
        },
    )


def _is_name(part: str) -> bool:
    return part.startswith("{")


def _fits(wanted: str, raw: str) -> bool:
    return _is_name(wanted) or wanted == raw


def _joined(raw: list[str], *, bare: bool) -> str:
    return "/" + "/".join(raw) + ("" if bare else "/")
