"""A pydantic model as a tree of keys: what may stand where, and what it means by default.

Two readers: error messages (the nearest known key to an unknown one) and the tables of the docs, so that neither can
drift from the model. Reads annotations only; knows nothing of YAML, the environment or any particular model.
"""

import difflib
import enum
import json
import pathlib
import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import annotated_types
from pydantic import BaseModel, Secret, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

Path = tuple[str | int, ...]

_SEQUENCES = (tuple, list, frozenset, set)


@dataclass(frozen=True, slots=True)
class Row:
    """One setting: where it stands (`<name>` for a free key, `<n>` for a place in a list) and what it means."""

    path: tuple[str, ...]
    type: str
    default: str
    meaning: str


def dotted(path: Path) -> str:
    """`("rules", 2, "when")` as `rules[2].when`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word that was probably meant."""
    found = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return found[0] if found else None


def keys_at(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """The keys that may stand at `path`; empty where keys are free or there is no mapping."""
    here: list[object] = [model]
    for step in path:
        here = [inner for kind in here for inner in _step(kind, step)]
    return tuple(
        name for kind in here if _is_model(kind) for name in typing.cast(type[BaseModel], kind).model_fields
    )


def rows(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> Iterator[Row]:
    """Every setting of the model, in the order of the model, sections unfolded."""
    for name, field in model.model_fields.items():
        path = (*prefix, name)
        inner = _sections(field.annotation)
        if inner is None:
            yield Row(path, _type_words(field), _default_words(field), field.description or "")
            continue
        free_key, models = inner
        found: dict[tuple[str, ...], Row] = {}
        for section in models:
            for row in rows(section, (*path, *free_key)):
                known = found.get(row.path)  # two variants of one section share most of their keys
                if known is not None and known.type != row.type:
                    found[row.path] = replace(known, type=f"{known.type} {row.type}")
                elif known is None:
                    found[row.path] = row
        yield from found.values()


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel) and not issubclass(kind, Secret)


def _choices(kind: object) -> list[object]:
    """The alternatives of a union, without their annotations."""
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return _choices(typing.get_args(kind)[0])
    if origin in (typing.Union, types.UnionType):
        return [choice for part in typing.get_args(kind) for choice in _choices(part)]
    return [kind]


def _step(kind: object, step: str | int) -> list[object]:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if _is_model(kind):
        field = typing.cast(type[BaseModel], kind).model_fields.get(str(step))
        return [] if field is None else _choices(field.annotation)
    if origin is dict:
        return _choices(args[1])
    if origin in _SEQUENCES:
        return _choices(args[0])
    return []


def _sections(annotation: object) -> tuple[tuple[str, ...], list[type[BaseModel]]] | None:
    """The models under a field, with the free step that leads to them; None for a plain setting."""
    for kind in _choices(annotation):
        origin = typing.get_origin(kind)
        free: tuple[str, ...] = ("<name>",) if origin is dict else ("<n>",) if origin in _SEQUENCES else ()
        found = _step(kind, "") if free else [kind]
        models = [typing.cast(type[BaseModel], model) for model in found if _is_model(model)]
        if models:
            every = (
                models
                if free
                else [
                    typing.cast(type[BaseModel], other) for other in _choices(annotation) if _is_model(other)
                ]
            )
            return free, every
    return None


_WORDS: dict[object, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    SecretStr: "`env:NAME` or `file:/path`",
    types.NoneType: "null",
    pathlib.Path: "text",
}


def _kind_words(kind: object) -> str:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated or origin in (typing.Union, types.UnionType):
        return " or ".join(_kind_words(choice) for choice in _choices(kind))
    if origin is typing.Literal:
        return " ".join(f"`{word}`" for word in args)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return " ".join(f"`{member.value}`" for member in kind)
    if origin is dict:
        return f"map of ({_kind_words(args[0])}) to ({_kind_words(args[1])})"
    if origin in _SEQUENCES:
        return f"list of ({_kind_words(args[0])})"
    return _WORDS.get(kind, "object")


def _type_words(field: FieldInfo) -> str:
    words = _kind_words(field.annotation)
    for bound in field.metadata:
        match bound:
            case annotated_types.Ge(ge):
                words += f", from {ge}"
            case annotated_types.Gt(gt):
                words += f", above {gt}"
            case annotated_types.Le(le):
                words += f", to {le}"
            case _:
                pass  # a pattern or validator says so in its own error message
    return words


def _default_words(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = to_jsonable_python(field.get_default(call_default_factory=True))
    return f"`{json.dumps(value, ensure_ascii=False)}`" if value != "" else "empty"
