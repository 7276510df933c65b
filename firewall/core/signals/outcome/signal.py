"""What an outcome is worth: blocked in mode firewall, inspected elsewhere, nothing where the reading is unsure."""

from firewall.core.compiled import NOTHING, Env
from firewall.core.memo import Memo
from firewall.core.model import Action, Candidate, Family, Finding, Mode
from firewall.core.signals import scan
from firewall.core.signals.outcome.reading import MOST_CHARS, Outcome, read_outcome

_BLOCKS = 0.84
_INSPECTS = 0.60
#: A reader reads so far and no further: a title must not take that from the text. Of one that would, so much is read still.
_LEAST_OF_TITLE = 1_000

READ = Memo(read_outcome, entries=4_096, size=2 << 20)
_read_titled = READ.of


def text_of(candidate: Candidate) -> str:
    """Title and text as one: a title often holds the verdict, and is often the beginning of the text."""
    title, text = candidate.title, candidate.text
    if not title or text.startswith(title):
        return text
    room = max(_LEAST_OF_TITLE, MOST_CHARS - len(text) - 1)
    return f"{title[:room]}\n{text}"


def outcome_of(candidate: Candidate) -> Outcome | None:
    """What title and text say became of something."""
    text = text_of(candidate)
    return scan.seen_in(text).outcome if text is candidate.text else _read_titled(text)


def check(candidate: Candidate, env: Env) -> tuple[Finding, ...]:
    """The text says that what it is about failed, is stale or is contested."""
    outcome = outcome_of(candidate)
    if outcome is None or outcome.kind == "accepted" or outcome.confidence < _INSPECTS:
        return NOTHING
    blocks = outcome.confidence >= _BLOCKS and env.context.mode is Mode.firewall
    return (
        Finding(
            Family.execution,
            Action.do_not_use if blocks else Action.inspect_before_use,
            f"text_signal:{outcome.kind}",
            confidence=outcome.confidence,
            evidence=(f"cue:{outcome.cue}", f"at:{outcome.at}"),
            show_text=True,
            superseded_by=outcome.successor,
        ),
    )
