"""What is made from a state so that it can be looked up: in a thread where it is much, so that the loop goes on.

A thread works on a copy of what it is made from; the values in it never change. What is folded meanwhile is then
brought in on the loop.
"""

import asyncio

from firewall.core.evidence_state import words_to_find
from firewall.core.retrieval import lexicon_of
from firewall.core.route_tables import tables_of
from firewall.core.state import State

#: Fewer are made at the first look, in no time.
MANY = 200


async def make_tables(state: State) -> None:
    """The tables by which the routes of a state are recognised."""
    if state.routes.recognises or len(state.routes.routes) < MANY:
        return
    routes = dict(state.routes.routes)
    state.routes.adopt(await asyncio.to_thread(tables_of, routes.values(), state.routes.chosen), routes)


async def make_lexicon(state: State) -> None:
    """The words by which the evidence of a state is found. Until then it can be found too, at the price of a pause."""
    if state.evidence.searchable or len(state.evidence.nodes) < MANY:
        return
    nodes = dict(state.evidence.nodes)
    texts = ((node_id, words_to_find(node)) for node_id, node in nodes.items())
    lexicon = await asyncio.to_thread(lexicon_of, texts)
    if not state.evidence.searchable:
        state.evidence.adopt(lexicon, nodes)
