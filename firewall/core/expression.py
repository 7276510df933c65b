"""Conditions of policy rules, compiled once to a Python function: `compile_expression(source) -> Compiled`.

    source  ->  tokens and tree (expression_syntax)  ->  checked terms  ->  one lambda over Facts

The tree is checked against a whitelist of nodes and the names of `expression_names`, with their sorts: a comparison
that could never be true is a mistake of the author and is reported, not run. What is executed is put together from
fixed templates here, never from the author's text: literals are constants of the function, names come from the
vocabulary, and the function has no builtins.

A comparison with an absent value is false, whatever the operator; `x == None` asks whether it is absent.
"""

import ast
import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

import re2

from firewall.core.expression_names import CANDIDATE, FACTS, NUMBER, ORDERED_WORDS, OWNER_VALUE, TEXT, Sort
from firewall.core.expression_syntax import MAX_DEPTH, ExpressionError, Syntax, offset_of, parse
from firewall.core.facts import Facts

__all__ = ["Compiled", "ExpressionError", "compile_expression"]

_ORDER = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_EQUAL = {ast.Eq: "==", ast.NotEq: "!="}
_MEMBER = {ast.In: "in", ast.NotIn: "not in"}
_NONE = Sort("None")
_LIST = "list"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition ready to run. `when` is total: it answers for every `Facts` and raises for none."""

    source: str
    when: Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class _Term:
    """A value in a comparison: the code that reads it, its sort, and the literal (or list of literals) that it is."""

    code: str
    sort: Sort
    offset: int
    literal: str | float | None = None
    items: tuple["_Term", ...] = ()


def compile_expression(source: str) -> Compiled:
    """Check and compile one condition; ExpressionError says what is wrong and at which character."""
    syntax = parse(source)
    writer = _Writer(syntax)
    body = writer.condition(syntax.tree, 0)
    namespace = {"__builtins__": {}, **writer.constants}
    function = eval(f"lambda f: {body}", namespace)  # noqa: S307  our own templates, see the module's docstring
    return Compiled(source, cast(Callable[[Facts], bool], function))


class _Writer:
    """Turns the tree of one condition into the text of one Python expression over `f`, a `Facts`."""

    def __init__(self, syntax: Syntax) -> None:
        self._syntax = syntax
        self.constants: dict[str, object] = {}

    def _constant(self, value: object) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    # ---- conditions ----

    def condition(self, node: ast.expr, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"nested deeper than {MAX_DEPTH}", offset_of(node))
        match node:
            case ast.BoolOp(op=op, values=values):
                word = " and " if isinstance(op, ast.And) else " or "
                return f"({word.join(self.condition(value, depth + 1) for value in values)})"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"(not {self.condition(operand, depth + 1)})"
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                terms = [self._term(part) for part in (left, *comparators)]
                pairs = zip(terms, ops, terms[1:], strict=False)
                return f"({' and '.join(self._compare(*pair) for pair in pairs)})"
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                return self._matches(self._term(left), right)
            case ast.Constant(value=bool(value)):
                return str(value)
            case _:
                raise ExpressionError(self._refusal(node, "a condition is expected here"), offset_of(node))

    def _compare(self, left: _Term, op: ast.cmpop, right: _Term) -> str:
        if type(op) in _MEMBER:
            return self._member(left, _MEMBER[type(op)], right)
        sign = _EQUAL.get(type(op)) or _ORDER.get(type(op))
        if sign is None:
            raise ExpressionError("compare with ==, !=, <, <=, >, >=, in or matches", left.offset)
        if _NONE in (left.sort, right.sort):
            return _absence(left, sign, right)
        if left.sort.name != right.sort.name:
            raise ExpressionError(_unlike(left.sort, right.sort), right.offset)
        if left.sort.name in ("texts", _LIST):
            raise ExpressionError("several values: ask with `in`", left.offset)
        if type(op) in _ORDER and left.sort.name == "text":
            raise ExpressionError("texts have no order", right.offset)
        _closed_list(left, right)
        _closed_list(right, left)
        return self._guarded(lambda a, b: f"{a} {sign} {b}", left, right)

    def _member(self, left: _Term, word: str, right: _Term) -> str:
        if left.sort.name in ("texts", _LIST, "None"):
            raise ExpressionError("one value is expected on the left of `in`", left.offset)
        if right.sort.name == _LIST:
            for item in right.items:
                if item.sort.name != left.sort.name:
                    raise ExpressionError(_unlike(left.sort, item.sort), item.offset)
                _closed_list(item, left)
            return self._guarded(lambda a, b: f"{a} {word} {b}", left, right)
        if right.sort.name not in ("text", "texts") or right.literal is not None:
            raise ExpressionError('a list is expected here, such as ("a", "b"), or a fact', right.offset)
        if left.sort.name != "text":
            raise ExpressionError(_unlike(left.sort, TEXT), left.offset)
        _closed_list(left, right)
        return self._guarded(lambda a, b: f"{a} {word} {b}", left, right)

    def _matches(self, left: _Term, right: ast.expr) -> str:
        pattern = self._syntax.text_of(right)
        if pattern is None:
            raise ExpressionError("a regular expression in quotes is expected here", offset_of(right))
        if left.sort.name not in ("text", "texts"):
            raise ExpressionError("only text can be matched", left.offset)
        search = _search(pattern, offset_of(right))
        name = self._constant(_any(search) if left.sort.name == "texts" else search)
        return self._guarded(lambda a, _: f"{name}({a})", left)

    def _guarded(self, write: Callable[[str, str], str], *terms: _Term) -> str:
        """The comparison, made false where a side that may be absent is absent."""
        tests: list[str] = []
        codes: list[str] = []
        for index, term in enumerate(terms):
            if term.sort.absent:
                tests.append(f"(v{index} := {term.code}) is not None")
                codes.append(f"v{index}")
            else:
                codes.append(term.code)
        tests.append(write(codes[0], codes[-1]))
        return f"({' and '.join(tests)})"

    # ---- values ----

    def _term(self, node: ast.expr) -> _Term:
        offset = offset_of(node)
        text = self._syntax.text_of(node)
        if text is not None:
            return _Term(self._constant(text), TEXT, offset, literal=text)
        match node:
            case ast.Name(id=name) if name in ORDERED_WORDS:
                sort, number = ORDERED_WORDS[name]
                return _Term(self._constant(number), sort, offset, literal=number)
            case ast.Name(id=name) if name in FACTS:
                return _Term(f"f.{name}", FACTS[name], offset)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Constant(value=None):
                return _Term("None", _NONE, offset)
            case ast.Constant(value=int(value) | float(value)) if not isinstance(value, bool):
                return _Term(self._constant(value), NUMBER, offset, literal=value)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return self._list(elements, offset)
            case ast.Name(id=name):
                raise ExpressionError(_unknown_name(name), offset)
            case _:
                raise ExpressionError(self._refusal(node, "a value is expected here"), offset)

    def _list(self, elements: list[ast.expr], offset: int) -> _Term:
        items = tuple(self._term(element) for element in elements)
        if not items:
            raise ExpressionError("an empty list contains nothing", offset)
        for item in items:
            if item.literal is None:
                raise ExpressionError("a list holds texts, numbers or ordered words only", item.offset)
        return _Term(
            self._constant(frozenset(item.literal for item in items)), Sort(_LIST), offset, items=items
        )

    def _attribute(self, node: ast.Attribute) -> _Term:
        offset = offset_of(node)
        match node:
            case ast.Attribute(value=ast.Name(id="candidate"), attr="owner"):
                raise ExpressionError("say which key of the owner, such as candidate.owner.user_id", offset)
            case ast.Attribute(value=ast.Name(id="candidate"), attr=name):
                if name not in CANDIDATE:
                    raise ExpressionError(_unknown(name, [*CANDIDATE, "owner"], "candidate."), offset)
                return _Term(f"f.candidate.{name}", CANDIDATE[name], offset)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="candidate"), attr="owner"), attr=key):
                return _Term(f"f.candidate.owner.get({self._constant(key)})", OWNER_VALUE, offset)
            case _:
                raise ExpressionError("only `candidate` has attributes", offset)

    def _refusal(self, node: ast.expr, otherwise: str) -> str:
        match node:
            case ast.Call():
                return "calls are no part of the language"
            case ast.Subscript():
                return "subscripts are no part of the language"
            case ast.Name(id=name) if name not in FACTS and name not in ORDERED_WORDS:
                unknown = self._syntax.text_of(node) is None and name != "candidate"
                return _unknown_name(name) if unknown else otherwise
            case _:
                return otherwise


def _search(pattern: str, offset: int) -> Callable[[str], bool]:
    options = re2.Options()
    options.log_errors = False
    try:
        found = re2.compile(pattern, options=options).search
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.reason if isinstance(error, UnicodeEncodeError) else _words_of(error)
        raise ExpressionError(f"not a regular expression of RE2: {reason}", offset) from error

    def search(text: str) -> bool:
        # As bytes, so that a lone surrogate in a hostile text is searched rather than raised on.
        return found(text.encode("utf-8", "surrogatepass")) is not None

    return search


def _words_of(error: Exception) -> str:
    """RE2 words its errors in bytes."""
    words = error.args[0] if error.args else ""
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)


def _any(search: Callable[[str], bool]) -> Callable[[Iterable[str]], bool]:
    return lambda texts: any(search(text) for text in texts)


def _absence(left: _Term, sign: str, right: _Term) -> str:
    term = right if left.sort == _NONE else left
    if sign not in ("==", "!=") or term.sort == _NONE:
        raise ExpressionError("None can only be compared with == and !=", right.offset)
    if not term.sort.absent:
        raise ExpressionError("this is never None", term.offset)
    return f"({term.code} is {'not ' if sign == '!=' else ''}None)"


def _closed_list(value: _Term, against: _Term) -> None:
    words = against.sort.words
    if words and isinstance(value.literal, str) and value.literal not in words:
        raise ExpressionError(_unknown(value.literal, sorted(words)), value.offset)


def _unlike(left: Sort, right: Sort) -> str:
    ordered = {sort.name for sort, _ in ORDERED_WORDS.values()}
    for sort in (left, right):
        if sort.name in ordered:
            words = ", ".join(word for word, (of, _) in ORDERED_WORDS.items() if of.name == sort.name)
            return f"compares {left.name} with {right.name}; {sort.name} is one of {words}"
    return f"compares {left.name} with {right.name}"


def _unknown_name(name: str) -> str:
    if any(name in sort.words for sort in (*FACTS.values(), *CANDIDATE.values())):
        return f'`{name}` is unknown, did you mean the text "{name}"?'
    return _unknown(name, [*FACTS, *ORDERED_WORDS, "candidate", "True", "False", "None"])


def _unknown(name: str, known: list[str], prefix: str = "") -> str:
    meant = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"`{prefix}{name}` is unknown" + (f", did you mean `{prefix}{meant[0]}`?" if meant else "")
