"""Answers that came before, and need not be read again: the same bytes, to a plan that reads them the same way.

Agents ask again and again for what they know, and a store that was not written to says the same. Reading is a pure
function of `Plan.reading`, the bytes, and in some dialects the moment: the first two are compared whole, and an answer says
from when until when it reads like this. Nothing of a policy or a state is kept: what was read is judged each time. An
answer is kept from its second time on, so that those which never come again cost a mark, and as long as there is room for
it; `forget` empties everything, marks included, for they hold pieces of the bytes.
"""

from collections import OrderedDict
from collections.abc import Sequence
from sys import getsizeof

import msgspec

from firewall.core.model import Candidate
from firewall.core.survey import Survey, survey_of
from firewall.ports import Answer, Dialect, Plan, WireResponse

#: About what all that is kept may take, one page no more than a quarter of it; and the longest body that is kept.
MOST_BYTES = 16 << 20
LONGEST = 256 << 10
#: How many answers are remembered to have come once.
MOST_MARKS = 4_096
_SAMPLE = 48
#: What a page takes besides what is in it, and a candidate besides its strings.
_PAGE_BYTES, _ROW_BYTES = 2_048, 768
#: What a value takes that is kept beside the candidates, with its name.
_VALUE_BYTES = 160


class Page(msgspec.Struct):
    """One answer as it was read, by whom and how, of the upstream's `body`; and what its candidates have in common, once
    somebody asked. `weight` is about what it takes, in bytes, where it is kept."""

    answer: Answer
    dialect: Dialect | None = None
    reading: object = None
    body: bytes = b""
    weight: int = 0
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
        # What looks like it from afar makes room for it, and so does what time has falsified.
        if kept is not None or mark in self._once:
            self._once.pop(mark, None)
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
        page.weight = _weight_of(page)
        if page.weight > self._size // 4:
            return
        before = self._kept.get(mark)
        self._used += page.weight - (0 if before is None else before.weight)
        self._kept[mark] = page
        while self._used > self._size:
            _, oldest = self._kept.popitem(last=False)
            self._used -= oldest.weight


def _weight_of(page: Page) -> int:
    """A body of a few bytes may be read into a hundred times as much, and how it was read may be longer than itself. It is
    weighed for each answer that looks like one before: strings that rows share are counted once."""
    rows = page.answer.candidates
    weight = _PAGE_BYTES + _ROW_BYTES * len(rows) + 2 * len(page.body) + 4 * len(repr(page.reading))
    weight += _VALUE_BYTES * page.answer.held
    attached: tuple[str, ...] = ()
    for row in rows:
        weight += getsizeof(row.text)
        if row.attached is not attached:
            attached = row.attached
            weight += sum(map(getsizeof, attached))
        if row.title or row.governed:
            weight += getsizeof(row.title) + getsizeof(row.governed)
    return weight


_Mark = tuple[int, bytes, bytes, bytes]


def _mark_of(body: bytes) -> _Mark:
    """Cheap, and hardly ever the same for two: to hash the whole would cost more than to compare it."""
    third = len(body) // 3
    return len(body), body[third : third + _SAMPLE], body[2 * third : 2 * third + _SAMPLE], body[-_SAMPLE:]
