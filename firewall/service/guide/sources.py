"""Memory of the upstreams for a guide: all sources at once, under one deadline, each for itself.

A source that fails or is late is named and stops nobody. It answers within the pin of whoever asks, and in its own
name: a row of it cannot pass for our own evidence.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from firewall.core.model import NO_OWNER, Candidate
from firewall.errors import CallerError, Issue, UpstreamError
from firewall.service.desk import MemorySource, Question
from firewall.service.principals import Principal
from firewall.service.strict_body import invalid

#: How long a guide waits for its sources, all together, and how many of their rows it looks at.
SECONDS = 2.0
MOST_ROWS = 256


class Pulled(msgspec.Struct, frozen=True):
    """`omitted` says of each source that gave less than was asked for which one it was, and why; `beyond` counts the
    rows that were too many."""

    candidates: tuple[Candidate, ...] = ()
    omitted: tuple[str, ...] = ()
    beyond: int = 0


async def pull(
    sources: Mapping[str, MemorySource],
    names: Sequence[str],
    query: str,
    *,
    principal: Principal,
    limit: int,
    owners: Mapping[str, Mapping[str, str]] | None = None,
    seconds: float = SECONDS,
) -> Pulled:
    """What the named sources recall of the owner that `owners` says for each, beside the pin. CallerError 400 `invalid_request` for a name that is none."""
    unknown = [place for place, name in enumerate(names) if name not in sources]
    if unknown:
        raise invalid(
            [Issue(f"sources.{place}", "no upstream of this name can be asked") for place in unknown]
        )
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(
                _ask(
                    name,
                    sources[name],
                    Question(query, limit, (owners or {}).get(name, NO_OWNER)),
                    principal,
                    seconds,
                )
            )
            for name in names
        ]
    answers = [task.result() for task in asked]
    rows = [candidate for answer in answers for candidate in answer.candidates]
    return Pulled(
        tuple(rows[:MOST_ROWS]),
        tuple(code for answer in answers for code in answer.omitted),
        max(0, len(rows) - MOST_ROWS),
    )


async def _ask(
    name: str, source: MemorySource, question: Question, principal: Principal, seconds: float
) -> Pulled:
    try:
        async with asyncio.timeout(seconds):
            rows = await source.recall(question, principal=principal, deadline=seconds)
    except TimeoutError:
        return Pulled(omitted=(f"source:{name}:deadline",))
    except (UpstreamError, CallerError) as error:
        return Pulled(omitted=(f"source:{name}:{error.code}",))
    return Pulled(
        tuple(
            row if row.upstream == name else msgspec.structs.replace(row, upstream=name)
            for row in rows[: question.limit]
        )
    )
