"""What says that texts were erased: events of a bounded size, however many texts there were."""

from collections.abc import Sequence

from firewall.core.events import Erased

#: Items of one event: far fewer than any log takes at once.
AT_ONCE = 2_000


def tombstones(
    erased: Sequence[tuple[str, str]], *, upstream: str, memory_id: str, by: str, why: str, at: float
) -> list[Erased]:
    """One at least; `erased` are ids with their digests."""
    return [
        Erased(
            ids=tuple(id_ for id_, _ in some),
            digests=tuple(dict.fromkeys(digest for _, digest in some)),
            upstream=upstream,
            memory_id=memory_id,
            by=by,
            why=why,
            at=at,
        )
        for some in (erased[start : start + AT_ONCE] for start in range(0, max(1, len(erased)), AT_ONCE))
    ]
