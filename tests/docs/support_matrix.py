"""Makes the tables of adapters/README.md from the route tables. Write them anew with `python -m tests.docs.support_matrix`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from adapters.graphiti import GraphitiDialect
from adapters.http import HttpDialect, HttpMapping
from adapters.markdown import MarkdownDialect
from adapters.mem0 import support_matrix as mem0_matrix
from adapters.pinecone import PineconeDialect
from adapters.zep import ZepDialect
from firewall.config import load_config
from firewall.policy.reference import refresh
from firewall.ports import Dialect, RouteSpec

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "adapters" / "README.md"
EXAMPLES = ("qdrant", "chroma")


def described(name: str) -> HttpDialect:
    """The shipped description of that API as a dialect."""
    upstream = load_config(ROOT / "deploy" / "examples" / f"{name}.yaml", {}).upstreams[name]
    return HttpDialect(name, msgspec.convert(upstream.model_dump(), HttpMapping))


def dialects() -> Mapping[str, Dialect]:
    """Every dialect with one table for all of its flavors, by the name of its table."""
    return {
        "pinecone": PineconeDialect("vectors", api_url="https://api.pinecone.io", public_key=b"0" * 32),
        "zep": ZepDialect("zep"),
        "graphiti": GraphitiDialect("graph"),
        "markdown": MarkdownDialect("notes"),
        **{name: described(name) for name in EXAMPLES},
    }


def tables() -> Mapping[str, Callable[[], str]]:
    """What stands between the marks of the page."""
    made: dict[str, Callable[[], str]] = {"mem0": mem0_matrix}
    for name, dialect in dialects().items():
        made[name] = lambda routes=dialect.routes: _table(routes)  # type: ignore[misc]
    return made


def _table(routes: Sequence[RouteSpec]) -> str:
    lines = ["| route | class | note |", "|---|---|---|"]
    lines += [f"| `{spec.method} {spec.pattern}` | {spec.route_class} | {spec.note} |" for spec in routes]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(refresh(PAGE.read_text(encoding="utf-8"), tables()), encoding="utf-8")
