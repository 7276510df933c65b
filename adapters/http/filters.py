"""Owner keys in a request: whose items it asks for, and how the caller's pin gets into it.

A filter is looked for where the description puts one, in the form that it has there. One in any other form is the
upstream's business: it can only narrow, because the pin goes in beside it and every item is checked.
"""

from collections.abc import Iterator, Mapping

import msgspec

from adapters.http.mapping import HttpOwner
from adapters.http.pointers import placed, steps_of, value_at
from firewall.core.wire.requests import JsonObject, Query, denied, invalid
from firewall.ports import Match

_VALUE = "{value}"


class Written(msgspec.Struct, frozen=True):
    """The two parts of a request that something can be put into."""

    body: JsonObject | None
    query: Query

    def at(self, place: str) -> object:
        """What stands there; None for nothing."""
        if place.startswith("?"):
            return self.query.get(place[1:])
        return value_at(self.body, steps_of(place))

    def put(self, place: str, value: object) -> "Written":
        """With the value there. CallerError 400 where none can be."""
        if place.startswith("?"):
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            return Written(self.body, self.query.without(place[1:]).plus({place[1:]: text}))
        if self.body is None:
            raise invalid("the request needs a body")
        return Written(placed(self.body, steps_of(place), value), self.query)


def asked_owner(written: Written, match: Match, owners: Mapping[str, HttpOwner]) -> dict[str, str]:
    """The owner keys that the request itself names. CallerError 403 where it names one twice, and differently."""
    found: dict[str, str] = {}
    for key, owner in owners.items():
        values = set(_said(written, match, owner))
        if len(values) > 1:
            raise denied(f"the request names two values of {key}")
        if values:
            found[key] = values.pop()
    return found


def pinned(written: Written, owners: Mapping[str, HttpOwner], missing: Mapping[str, str]) -> Written:
    """The request with a filter for each of these keys, where the description says where one goes."""
    for key, value in missing.items():
        owner = owners[key]
        if owner.at is None or (written.body is None and owner.at.startswith("/")):
            continue  # what is foreign is cut out of the answer
        filled = _filled(owner.value, value)
        there = None if owner.at.endswith("/-") else written.at(owner.at)
        if there is None:
            written = written.put(owner.at, filled)
        elif owner.combine is not None:
            written = written.put(owner.at, {owner.combine: [there, filled]})
        else:
            raise denied(f"the request has a filter where the one for {key} has to stand")
    return written


def _said(written: Written, match: Match, owner: HttpOwner) -> Iterator[str]:
    """Every value that the request demands of this key."""
    if owner.param is not None:
        if owner.param in match.params:
            yield match.params[owner.param]
        return
    if owner.at is None:
        return
    for part in _conjuncts(written.at(owner.at.removesuffix("/-")), owner):
        value = _read(owner.value, part)
        if value is not None:
            yield value


def _conjuncts(value: object, owner: HttpOwner) -> Iterator[object]:
    """The filter and, one by one, what is joined in it by the operator or in a list that the pin would go into."""
    left = [value]
    while left:
        part = left.pop()
        yield part
        if isinstance(part, dict) and owner.combine is not None:
            joined = part.get(owner.combine)
            if isinstance(joined, list):
                left.extend(joined)
        elif isinstance(part, list) and part is value and owner.at is not None and owner.at.endswith("/-"):
            left.extend(part)


def _filled(form: object, value: str) -> object:
    """The form with the value in its place."""
    if isinstance(form, str):
        return value if form == _VALUE else form
    if isinstance(form, Mapping):
        return {key: _filled(inner, value) for key, inner in form.items()}
    if isinstance(form, list | tuple):
        return [_filled(inner, value) for inner in form]
    return form


def _read(form: object, value: object) -> str | None:
    """The value for which the form is exactly this; None where it is another filter."""
    if form == _VALUE:
        return value if isinstance(value, str) else None
    if isinstance(form, Mapping) and isinstance(value, Mapping) and form.keys() == value.keys():
        found = [_read(inner, value[key]) for key, inner in form.items() if _holds_value(inner)]
        rest = all(value[key] == inner for key, inner in form.items() if not _holds_value(inner))
        return found[0] if rest and len(found) == 1 else None
    return None


def _holds_value(form: object) -> bool:
    if isinstance(form, Mapping):
        return any(_holds_value(inner) for inner in form.values())
    return form == _VALUE
