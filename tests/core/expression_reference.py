"""The slow reference of the condition language: walks the tree, knows the semantics, compiles nothing."""

import ast
from collections.abc import Callable

import re2

from firewall.core.expression_syntax import Syntax, parse
from firewall.core.facts import CONSTANTS, Facts
from firewall.core.model import Candidate, Kind, Lifecycle


def facts(
    *,
    text: str = "a memory",
    kind: Kind = Kind.fact,
    owner: dict[str, str] | None = None,
    superseded_by: str | None = None,
    target_files: tuple[str, ...] = (),
    trust: int = 2,
    mode: int = 0,
    action: int = 0,
    age_days: float | None = None,
    families: frozenset[str] = frozenset(),
    reasons: frozenset[str] = frozenset(),
) -> Facts:
    """What a rule sees of one ordinary memory, with what the test changes."""
    return Facts(
        candidate=Candidate(
            id="m1",
            upstream="mem0",
            text=text,
            kind=kind,
            owner=owner or {},
            superseded_by=superseded_by,
            target_files=target_files,
        ),
        action=action,
        trust=trust,
        mode=mode,
        surface="drop_in",
        attestation="unsigned",
        lifecycle=Lifecycle.unknown.value,
        age_days=age_days,
        families=families,
        reasons=reasons,
        tenant="acme",
        scope="default",
        query="what tea?",
    )


def interpret(source: str, given_facts: Facts) -> bool:
    """What a condition says, the slow way."""
    syntax = parse(source)
    return _truth(syntax, syntax.tree, given_facts)


def _truth(syntax: Syntax, node: ast.expr, of: Facts) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_truth(syntax, value, of) for value in values)
        case ast.BoolOp(values=values):
            return any(_truth(syntax, value, of) for value in values)
        case ast.UnaryOp(operand=operand):
            return not _truth(syntax, operand, of)
        case ast.BinOp(left=left, right=right):
            value, pattern = _value(syntax, left, of), syntax.text_of(right)
            texts = value if isinstance(value, tuple | frozenset) else [] if value is None else [value]
            return any(re2.search(pattern, text) is not None for text in texts)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [left, *comparators]
            return all(
                _compared(syntax, first, op, second, of)
                for first, op, second in zip(sides, ops, sides[1:], strict=False)
            )
        case ast.Constant(value=value):
            return bool(value)
        case _:
            raise AssertionError(ast.dump(node))


def _compared(syntax: Syntax, first: ast.expr, op: ast.cmpop, second: ast.expr, of: Facts) -> bool:
    left, right = _value(syntax, first, of), _value(syntax, second, of)
    if any(isinstance(side, ast.Constant) and side.value is None for side in (first, second)):
        return (left is right) is isinstance(op, ast.Eq)
    if left is None or right is None:
        return False
    operations: dict[type[ast.cmpop], Callable[..., bool]] = {
        ast.Eq: lambda a, b: a == b,
        ast.NotEq: lambda a, b: a != b,
        ast.Lt: lambda a, b: a < b,
        ast.LtE: lambda a, b: a <= b,
        ast.Gt: lambda a, b: a > b,
        ast.GtE: lambda a, b: a >= b,
        ast.In: lambda a, b: a in b,
        ast.NotIn: lambda a, b: a not in b,
    }
    return operations[type(op)](left, right)


def _value(syntax: Syntax, node: ast.expr, of: Facts) -> object:
    text = syntax.text_of(node)
    if text is not None:
        return text
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return [_value(syntax, element, of) for element in elements]
        case ast.Name(id=name):
            return CONSTANTS[name] if name in CONSTANTS else getattr(of, name)
        case ast.Attribute(value=ast.Name(), attr=name):
            return getattr(of.candidate, name)
        case ast.Attribute(attr=key):
            return of.candidate.owner.get(key)
        case _:
            raise AssertionError(ast.dump(node))
