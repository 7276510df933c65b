"""Zep: the hosted service for clients 3.x and 4.x, and the community edition's older routes.

routes, routes_v2, routes_v4, routes_agents   the table: a row is whose memory it is about, and what its answer holds
layouts    where memory stands in the answers; `core.wire.layouts` reads by it
blobs      context blobs, line by line
events     the stream of a graph query
scope      whose memory a request is about, against the caller's pin
drafts     what a write would store
planning   from a request to its plan (`plans`)
answers    reading, going on, putting together
dialect    the port

The ids of version 4 are the server's: a pin may name `user_uuid`, `graph_uuid` and `thread_uuid` beside `user_id`, `graph_id`
and `thread_id`.
"""

from adapters.zep.dialect import ZepDialect

__all__ = ["ZepDialect"]
