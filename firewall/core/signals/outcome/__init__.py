"""Outcome: a text that says of a route or file that it failed, is stale, or is contested.

    cues     the table of wordings, by language
    lexicon  what can fail, and the words that negate, suppose, settle
    reading  text -> Outcome
    signal   Outcome -> findings

Every text of every kind is read. The text is wrong, not hostile: it may be shown as counter-evidence.
"""

from firewall.core.signals.outcome.reading import Outcome, read_outcome
from firewall.core.signals.outcome.signal import check, outcome_of, text_of

__all__ = ["Outcome", "check", "outcome_of", "read_outcome", "text_of"]
