"""The grammar of policy conditions: source text to a Python syntax tree that holds nothing but what we put there.

Own tokens, Python's operators. The text is cut into the few tokens that the language has, anything else is refused
before Python's parser sees it: other keywords, names with a leading underscore, other characters. Two things are
rewritten at equal length, so that every column stays true:

- a text literal becomes a name of underscores; its value waits in `Syntax.texts` under its column. Python's escapes
  and their warnings thus never apply: a backslash is a backslash, as a regular expression wants it.
- `matches` becomes the operator `@`, which no condition can contain otherwise.
"""

import ast
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LENGTH = 2_000
MAX_DEPTH = 20
MAX_NOTS = 40

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<text>[rR]?"(?:[^"\\\r\n]|\\[^\r\n])*" | [rR]?'(?:[^'\\\r\n]|\\[^\r\n])*')
      | (?P<number>[0-9]{1,15}(?:\.[0-9]{1,15})?(?![A-Za-z0-9_.]))
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<operator>==|!=|<=|>=|[<>()\[\],.])
    """,
    re.VERBOSE,
)
_OPERATOR_WORDS = frozenset({"and", "or", "not", "in"})
_LITERAL_WORDS = frozenset({"True", "False", "None"})
_CLOSES = {"(": ")", "[": "]"}
_WORDLIKE = frozenset({"text", "word", "number"})


class ExpressionError(ValueError):
    """A condition that cannot be used. `offset` is the character of the source at which it goes wrong, from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Syntax:
    """A parsed condition. `texts` holds the text literals by the column at which the tree has a placeholder."""

    tree: ast.expr
    texts: dict[int, str]

    def text_of(self, node: ast.expr) -> str | None:
        """The text literal that a node stands for, or None."""
        return self.texts.get(node.col_offset) if isinstance(node, ast.Name) and node.id[0] == "_" else None


def offset_of(node: ast.expr) -> int:
    """Where a node begins in the source as written (the parser sees one more parenthesis in front)."""
    return max(node.col_offset - 1, 0)


def parse(source: str) -> Syntax:
    """The syntax tree of a condition, or ExpressionError."""
    if len(source) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters", MAX_LENGTH)
    if not source.strip():
        raise ExpressionError("a condition is expected here", 0)
    texts: dict[int, str] = {}
    pieces: list[str] = []
    open_at: list[tuple[str, int]] = []
    for group, piece, at in _tokens(source):
        match group:
            case "space":
                pieces.append(" " * len(piece))
            case "text":
                texts[at + 1] = piece.lstrip("rR")[1:-1]
                pieces.append("_" * len(piece))
            case "word":
                pieces.append(_word(piece, at))
            case _:
                _balance(piece, at, open_at)
                pieces.append(piece)
    if open_at:
        raise ExpressionError("this bracket is never closed", open_at[-1][1])
    if pieces.count("not") > MAX_NOTS:
        raise ExpressionError(f"more than {MAX_NOTS} times `not`", 0)
    return Syntax(_python(f"({''.join(pieces)})", len(source)), texts)


def _tokens(source: str) -> Iterator[tuple[str, str, int]]:
    """(group, piece, offset) of every token, white space included."""
    at = 0
    before = ""
    while at < len(source):
        token = _TOKEN.match(source, at)
        if token is None:
            raise ExpressionError(_strange(source, at), at)
        group = token.lastgroup or ""
        if group in _WORDLIKE and before in _WORDLIKE:
            raise ExpressionError("white space is missing here", at)  # placeholders would run into each other
        yield group, token.group(), at
        before = group
        at = token.end()


def _word(word: str, at: int) -> str:
    if word == "matches":
        return "@".ljust(len(word))
    if word.startswith("_"):
        raise ExpressionError("a name cannot begin with an underscore", at)
    if keyword.iskeyword(word) and word not in _OPERATOR_WORDS | _LITERAL_WORDS:
        raise ExpressionError(f"`{word}` is no part of the language", at)
    return word


def _balance(piece: str, at: int, open_at: list[tuple[str, int]]) -> None:
    if piece in _CLOSES:
        open_at.append((piece, at))
        if len(open_at) > MAX_DEPTH:
            raise ExpressionError(f"brackets nested deeper than {MAX_DEPTH}", at)
    elif piece in _CLOSES.values() and (not open_at or _CLOSES[open_at.pop()[0]] != piece):
        raise ExpressionError("this bracket was never opened", at)


def _strange(source: str, at: int) -> str:
    if source[at] in "\"'":
        return "this text is never closed"
    if source[at].isdigit():
        return "not a number"
    if source[at] == "=":
        return "compare with `==`"
    return "this character is no part of the language"


def _python(text: str, length: int) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        offset = min(max((error.offset or 2) - 2, 0), length)
        raise ExpressionError("this cannot be understood", offset) from error
    except (RecursionError, MemoryError) as error:  # how Python's parser says that its stack is full
        raise ExpressionError("too deeply nested", 0) from error
