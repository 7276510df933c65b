"""Conflict: the memories of one answer against each other. Linear, and blind to the order they come in.

statements    text -> what it states, by key and value (words in `vocabulary`)
answer        groups of one key, and the findings
rivalry       who yields to whom
continuation  the file that a text calls accepted, and what lies beside it
duplicates    exact copies, and one id with two texts
"""

from firewall.core.signals.conflict.answer import check_set

__all__ = ["check_set"]
