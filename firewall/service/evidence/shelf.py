"""Evidence as it was observed, taken from the log for whoever may see it.

What the viewer may not see and what there is not are the same here: None. Evidence that was let go from memory is
found as well, as long as the projection knows its place in the log.
"""

import msgspec

from firewall.core.events import ScopeKey
from firewall.core.evidence import NATIVE, Node, Observed, Tier
from firewall.core.state import State
from firewall.core.visibility import Viewer
from firewall.service.evidence.uri import id_of_uri
from firewall.service.scopes import Projects


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence with its place in the log. `node` is what is in memory of it; None once it was let go."""

    event: Observed
    offset: int
    node: Node | None

    @property
    def tier(self) -> Tier:
        return "archive" if self.node is None else self.node.tier


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence of one scope, for one viewer."""

    projections: Projects
    key: ScopeKey
    state: State
    viewer: Viewer

    def id_of(self, reference: str) -> str:
        """The id behind an id, a `memfw:` id or a URI; empty for a URI of elsewhere."""
        if "://" in reference:
            return id_of_uri(self.key, reference) or ""
        return reference.removeprefix(f"{NATIVE}:")

    def id_of_client(self, client_id: str) -> str:
        """The id that a client id stands for, for this viewer; empty for none."""
        node = self.state.evidence.of_client(client_id, self.viewer)
        return "" if node is None else node.node_id

    def handoffs(self, anchor: str) -> list[str]:
        """The ids of the handoffs at an anchor, newest first, seen or not."""
        return self.state.evidence.anchors.get(anchor, [])[::-1]

    def node(self, node_id: str) -> Node | None:
        """What is in memory of visible evidence."""
        node = self.state.evidence.nodes.get(node_id)
        return node if node is not None and self.viewer.sees(node.audience) else None

    async def find(self, node_id: str) -> Kept | None:
        """Visible evidence as it was observed."""
        node = self.state.evidence.nodes.get(node_id)
        if node is None:
            offset = self.state.evidence.archived.get(node_id)
        else:
            offset = node.offset if self.viewer.sees(node.audience) else None
        if offset is None:
            return None
        record = await self.projections.record(self.key, offset)
        if record is None or not isinstance(record.event, Observed):
            return None
        event = record.event
        if event.node_id != node_id or not self.viewer.sees(event.audience):
            return None
        return Kept(event=event, offset=offset, node=node)

    async def anchor(self, anchor_id: str | None, anchor_uri: str | None) -> Kept | None:
        """The visible evidence that an anchor stands for: an id or URI of any, or the anchor of a handoff."""
        for name in (anchor_id, anchor_uri):
            if name is None:
                continue
            for node_id in (self.id_of(name), *self.handoffs(name)):
                kept = await self.find(node_id)
                if kept is not None:
                    return kept
        return None
