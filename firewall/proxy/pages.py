"""Answers that came before, and need not be read again: the same bytes, to a plan that reads them the same way.

Agents ask again and again for what they know, and a store that was not written to says the same. Reading is a pure
function of `Plan.reading`, the bytes, and in some dialects the moment: the first two are compared whole, and an answer says
from when until when it reads like this. Nothing of a policy or a state is kept: what was read is judged each time. An answer is kept from its second time on, so that those which never come again cost a mark.
"""

from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from firewall.core.model import Candidate
from firewall.core.survey import Survey, survey_of
from firewall.ports import Answer, Dialect, Plan, WireResponse

#: What is kept in all, and of one answer, in bytes; what was read out of them takes some four times as much.
MOST_BYTES = 4 << 20
LONGEST = 256 << 10
#: How many answers are remembered to have come once.
MOST_MARKS = 4_096
_SAMPLE = 48


class Page(msgspec.Struct):
    """One answer as it was read, by whom and how, of the upstream's `body`; and what its candidates have in common, once
    somebody asked."""

    answer: Answer
    dialect: Dialect | None = None
    reading: object = None
    body: bytes = b""
    survey: Survey | None = None

    def survey_of(self, candidates: Sequence[Candidate]) -> Survey:
        """The survey of the answer's candidates, or of what came of them."""
        if candidates is not self.answer.candidates:
            return survey_of(candidates)
        if self.survey is None:
            self.survey = survey_of(candidates)
        return self.survey


class Pages:
    """What the upstreams answered. Belongs to one event loop."""

    def __init__(self, *, size: int = MOST_BYTES) -> None:
        self._size = size
        self._kept: OrderedDict[_Mark, Page] = OrderedDict()
        self._used = 0
        self._once: OrderedDict[_Mark, None] = OrderedDict()

    def read(self, dialect: Dialect, plan: Plan, response: WireResponse) -> Page:
        """The answer, read now or before. UpstreamError as `Dialect.read`."""
        body, reading = response.body, plan.reading
        if reading is None or len(body) > LONGEST:
            return Page(dialect.read(plan, response))
        mark = _mark_of(body)
        kept = self._kept.get(mark)
        if kept is not None:
            self._kept.move_to_end(mark)
            if (
                kept.body == body
                and kept.dialect is dialect
                and kept.reading == reading
                and kept.answer.since <= plan.moment < kept.answer.until
            ):
                return kept
        page = Page(dialect.read(plan, response), dialect, reading, body)
        if kept is not None:  # another answer that looks like it from afar, or time went on
            self._kept[mark] = page
        elif mark in self._once:
            del self._once[mark]
            self._keep(mark, page)
        else:
            self._once[mark] = None
            if len(self._once) > MOST_MARKS:
                self._once.popitem(last=False)
        return page

    def forget(self) -> None:
        """No text of an answer is left here afterwards."""
        self._kept.clear()
        self._once.clear()
        self._used = 0

    def _keep(self, mark: "_Mark", page: Page) -> None:
        self._kept[mark] = page
        self._used += len(page.body)
        while self._used > self._size:
            _, oldest = self._kept.popitem(last=False)
            self._used -= len(oldest.body)


_Mark = tuple[int, bytes, bytes, bytes]


def _mark_of(body: bytes) -> _Mark:
    """Cheap, and hardly ever the same for two: to hash the whole would cost more than to compare it."""
    third = len(body) // 3
    return len(body), body[third : third + _SAMPLE], body[2 * third : 2 * third + _SAMPLE], body[-_SAMPLE:]
