"""Graphiti's REST server: its routes, with a group for every read.

routes    the table
planning  from a request to its plan: which groups it is about, what it would store, how many facts are asked for
answers   reading, going on, putting together
dialect   the port

The server knows no keys and no owners: a search without groups reads the memory of everybody, and a fact does not say whose it
is. What cannot be held against a pinned caller's group is refused to it, or looks as if it did not exist.
"""

from adapters.graphiti.dialect import GraphitiDialect

__all__ = ["GraphitiDialect"]
