"""What of a JSON search API stands where, as settings: the description that makes any such API an upstream.

A pointer is a JSON pointer (RFC 6901). A place is where something goes in a request: a pointer into the body, or `?name`
for a query parameter.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, StringConstraints, model_validator

from firewall.config.values import Settings, Word

Pointer = Annotated[
    str, StringConstraints(pattern=r"^(?:/(?:[^~/]|~[01])*)*$", max_length=512), Field(strict=True)
]
Place = Annotated[
    str, StringConstraints(pattern=r"^(?:(?:/(?:[^~/]|~[01])*)+|\?[A-Za-z0-9_.\[\]-]+)$", max_length=512)
]
PathPattern = Annotated[
    str,
    StringConstraints(
        pattern=r"^/$|^(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]+|\{[a-z_][a-z0-9_]*\}))+/?$", max_length=1024
    ),
]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]


class HttpRecall(Settings):
    """How memfw itself searches there."""

    path: PathPattern = Field(description="the path, with a value in the place of every parameter")
    query: Place = Field(description="where the text of the question goes")
    body: dict[str, JsonValue] = Field(
        default_factory=dict, description="what else such a request says, as it is sent"
    )


class HttpRead(Settings):
    """One governed read, and where its items and their parts are."""

    name: Word = Field("search", description="stands in receipts and metrics")
    method: Literal["GET", "POST", "PUT"] = Field("POST", description="the method of the read")
    path: PathPattern = Field(description="its path; `{name}` stands for any one segment")
    list: Pointer = Field("", description="the list of items in the answer, or the object of `columns`")
    single: bool = Field(default=False, description="there is no list: one item stands at `list`")
    columns: tuple[Word, ...] = Field(
        (),
        description="for answers column by column: the members of the object that hold one part of every item each, "
        "the first one for all; an item's pointers begin with the column's name",
    )
    batched: bool = Field(
        default=False, description="each column is a list of lists: one for each question of the request"
    )
    id: Pointer = Field("/id", description="the item's id, from the item; a digest where it has none")
    text: tuple[Pointer, ...] = Field(
        (), description="the item's text: the first that is there; without any, all of its texts"
    )
    title: Pointer | None = Field(None, description="the item's title")
    created: Pointer | None = Field(None, description="when it was created, as the upstream itself states it")
    updated: Pointer | None = Field(None, description="when it was changed, as the upstream itself states it")
    metadata: Pointer = Field(
        "", description="what its writers say of it: claims, which can only lower; the whole item by default"
    )
    limit: Place | None = Field(
        None, description="where the caller says how many items it wants; needed to fill up withheld ones"
    )
    limit_default: int | None = Field(
        None, ge=1, le=100_000, description="how many the upstream gives where the caller says nothing"
    )
    limit_max: int = Field(1000, ge=1, le=100_000, description="the most that the upstream may be asked for")
    ask: dict[Place, JsonValue] = Field(
        default_factory=dict,
        description="what every request is made to say, so that the items hold what is to be judged",
    )
    filtered: bool = Field(
        default=True,
        description="whether filters of owner keys go into its requests; a GET has none in its body",
    )
    recall: HttpRecall | None = Field(None, description="with it memfw can search there by itself")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.single and (self.columns or self.limit):
            raise ValueError("one single item has neither `columns` nor a `limit`")
        if self.batched and not self.columns:
            raise ValueError("`batched` is for `columns`")
        if self.method == "GET" and any(place.startswith("/") for place in self.places()):
            raise ValueError("a GET has no body: its places are `?name`")
        return self

    def places(self) -> tuple[str, ...]:
        """Everywhere that a request of this read is written to."""
        own = (self.limit, self.recall.query if self.recall else None)
        return (*self.ask, *(place for place in own if place is not None))


class HttpOwner(Settings):
    """Whose an item is, by one key: as the item states it, or by the path that was asked."""

    item: Pointer | None = Field(None, description="where the item states it")
    param: Word | None = Field(None, description="the path parameter that says it for every item")
    at: Place | None = Field(
        None,
        description="where a filter for it goes in a request; without one, foreign items are cut out only",
    )
    value: JsonValue = Field(
        "{value}", description="what goes there; `{value}` in it stands for the value of the key"
    )
    combine: Word | None = Field(
        None, description="the operator that joins it with a filter that is there already, as `$and`"
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.item is None) == (self.param is None):
            raise ValueError("needs `item` or `param`, and not both")
        if self.param is not None and self.at is not None:
            raise ValueError("a path parameter needs no filter")
        if _placeholders(self.value) != 1:
            raise ValueError("its `value` has to hold the text `{value}` once, and by itself")
        return self


def _placeholders(form: JsonValue) -> int:
    """How often a form has a place for the value; within a longer text there is none, because it could break out of it."""
    if isinstance(form, dict):
        return sum(map(_placeholders, form.values()))
    if isinstance(form, list):
        return sum(map(_placeholders, form))
    return form == "{value}"


class HttpRoute(Settings):
    """A route that is no governed read."""

    method: Method = Field(description="its method")
    path: PathPattern = Field(description="its path; `{name}` stands for any one segment")
    access: Literal["pass", "admin"] = Field(
        "admin", description="`pass`: through untouched, for everybody; `admin`: for principals of that role"
    )
