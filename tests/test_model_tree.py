"""The tree of a model: the keys at a path, and the rows of the docs."""

import enum
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr

from firewall.model_tree import Row, dotted, keys_at, nearest, rows


class Size(enum.StrEnum):
    small = "small"
    large = "large"


class Leaf(BaseModel):
    a: int = Field(1, ge=0, le=9, description="the a")
    b: Literal["x", "y"] | None = None


class Twig(BaseModel):
    a: int = Field(1, ge=0, le=9, description="the a")
    kind: Literal["twig"]
    key: SecretStr


class Tree(BaseModel):
    leaf: Leaf = Leaf()
    many: tuple[Leaf, ...] = ()
    named: dict[str, Annotated[Leaf | Twig, Field(description="either")]] = {}
    sizes: dict[Size, float | None] = {}


def test_dotted() -> None:
    """Paths read as people write them."""
    assert dotted(()) == ""
    assert dotted(("rules", 2, "when")) == "rules[2].when"


def test_nearest() -> None:
    """The near word is suggested, a far one is not."""
    assert nearest("Colour", ["colour", "weight"]) == "colour"
    assert nearest("zzz", ["colour"]) is None


def test_keys_at() -> None:
    """Keys are found through sections, lists, maps and unions; free keys have no list."""
    assert keys_at(Tree, ()) == ("leaf", "many", "named", "sizes")
    assert keys_at(Tree, ("many", 3)) == ("a", "b")
    assert set(keys_at(Tree, ("named", "n"))) == {"a", "b", "kind", "key"}
    assert keys_at(Tree, ("sizes",)) == ()
    assert keys_at(Tree, ("nothing", "there")) == ()


def test_rows() -> None:
    """Every setting has a row with its type in words, its default and its meaning; variants share their rows."""
    found = {row.path: row for row in rows(Tree)}
    assert found["leaf", "a"] == Row(("leaf", "a"), "integer, from 0, to 9", "`1`", "the a")
    assert found["many", "<n>", "b"].type == "`x` `y` or null"
    assert found["named", "<name>", "kind"].default == "required"
    assert found["named", "<name>", "key"].type == "`env:NAME` or `file:/path`"
    assert found["sizes",].type == "map of (`small` `large`) to (number or null)"
    assert len(found) == len(list(rows(Tree)))
