"""Pulling memory from the upstreams for a guide: all at once, each for itself, nothing that is not the caller's."""

import asyncio

import pytest

from firewall.core.model import Candidate
from firewall.errors import CallerError, UpstreamError
from firewall.service.desk import Question
from firewall.service.guide.sources import MOST_ROWS, pull
from firewall.service.principals import LOCAL, Principal


class Source:
    """An upstream that gives these rows, or fails, once it is let go on."""

    def __init__(self, name: str, *rows: Candidate, error: Exception | None = None) -> None:
        self.name = name
        self.rows = list(rows)
        self.error = error
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.asked: list[tuple[Question, str, float]] = []

    async def recall(self, question: Question, *, principal: Principal, deadline: float) -> list[Candidate]:
        self.asked.append((question, principal.name, deadline))
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return self.rows


def row(row_id: str, upstream: str = "mem0") -> Candidate:
    return Candidate(id=row_id, upstream=upstream, text=f"Text of {row_id}.")


async def test_all_sources_are_asked_at_once() -> None:
    """Two that wait for each other both answer; each is asked with the query, the limit and the deadline."""
    one, two = Source("mem0", row("1")), Source("notes", row("2", "notes"))
    one.go_on.clear()

    class Releasing(Source):
        async def recall(
            self, question: Question, *, principal: Principal, deadline: float
        ) -> list[Candidate]:
            one.go_on.set()
            return await super().recall(question, principal=principal, deadline=deadline)

    two = Releasing("notes", row("2", "notes"))
    pulled = await pull(
        {"mem0": one, "notes": two}, ["mem0", "notes"], "q", principal=LOCAL, limit=3, seconds=5.0
    )
    assert [candidate.id for candidate in pulled.candidates] == ["1", "2"]
    assert pulled.omitted == ()
    assert one.asked == [(Question("q", 3), "local", 5.0)]


async def test_nothing_is_asked_that_was_not_named() -> None:
    """No names, no question."""
    source = Source("mem0", row("1"))
    pulled = await pull({"mem0": source}, [], "q", principal=LOCAL, limit=3)
    assert (pulled.candidates, source.asked) == ((), [])


async def test_an_unknown_source_is_the_callers_mistake() -> None:
    """It is named by its place, and nobody is asked."""
    source = Source("mem0", row("1"))
    with pytest.raises(CallerError) as refused:
        await pull({"mem0": source}, ["mem0", "secret name"], "q", principal=LOCAL, limit=3)
    assert refused.value.status == 400
    assert [issue.path for issue in refused.value.issues] == ["sources.1"]
    assert "secret name" not in str(refused.value.issues)
    assert source.asked == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UpstreamError(502, "upstream_invalid", "bad"), "upstream_invalid"),
        (CallerError(403, "scope_denied", "no"), "scope_denied"),
        (TimeoutError(), "deadline"),
    ],
)
async def test_one_that_fails_is_named_and_stops_nobody(error: Exception, code: str) -> None:
    """The others' rows are there."""
    sources = {"mem0": Source("mem0", error=error), "notes": Source("notes", row("2", "notes"))}
    pulled = await pull(sources, ["mem0", "notes"], "q", principal=LOCAL, limit=3)
    assert [candidate.id for candidate in pulled.candidates] == ["2"]
    assert pulled.omitted == (f"source:mem0:{code}",)


async def test_one_that_never_answers_is_late() -> None:
    """The deadline is ours, whatever the source does with its own."""
    source = Source("mem0", row("1"))
    source.go_on.clear()
    pulled = await pull({"mem0": source}, ["mem0"], "q", principal=LOCAL, limit=3, seconds=0.0)
    assert (pulled.candidates, pulled.omitted) == ((), ("source:mem0:deadline",))


async def test_each_source_is_told_whose_rows_are_wanted() -> None:
    """The owner of one source is no business of another one."""
    one, two = Source("mem0", row("1")), Source("notes", row("2", "notes"))
    owners = {"mem0": {"user_id": "u1"}}
    await pull({"mem0": one, "notes": two}, ["mem0", "notes"], "q", principal=LOCAL, limit=3, owners=owners)
    assert [asked[0].owner for asked in (*one.asked, *two.asked)] == [{"user_id": "u1"}, {}]


async def test_a_source_speaks_in_its_own_name_only() -> None:
    """A row cannot pass for our own evidence, or for another upstream's."""
    pulled = await pull({"mem0": Source("mem0", row("1", "memfw"))}, ["mem0"], "q", principal=LOCAL, limit=3)
    assert [candidate.upstream for candidate in pulled.candidates] == ["mem0"]


async def test_too_many_rows_are_counted() -> None:
    """A source gives at most the limit, all together give at most so many."""
    sources = {name: Source(name, *(row(str(n), name) for n in range(300))) for name in ("a", "b")}
    pulled = await pull(sources, ["a", "b"], "q", principal=LOCAL, limit=200)
    assert (len(pulled.candidates), pulled.beyond) == (MOST_ROWS, 400 - MOST_ROWS)
