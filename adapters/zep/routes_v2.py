"""The routes below /api/v2: zep-cloud 3.x and the community edition's older ones."""

from adapters.zep.layouts import (
    CONTEXT,
    DERIVED,
    EDGE,
    EDGES_ADDED,
    EPISODE,
    EPISODES,
    FACT,
    FACT_TEXTS,
    FOUND,
    LOOSE,
    MESSAGE,
    MESSAGES,
    MESSAGES_ADDED,
    NEIGHBOR,
    NODE,
    SEARCH,
    SUBGRAPH,
    TRIPLE,
    USER_NODE,
)
from adapters.zep.routes import OWN, PINNED_404, Draft, Route, Rows, Whose
from firewall.core.wire.layouts import Known, Layout, Many

_r = Rows("v2")
_W = Whose
_D = Draft

_MEMORY = Known(
    {
        "relevant_facts": Many(EDGE),
        "facts": FACT_TEXTS,
        "messages": Many(MESSAGE),
        "summary": DERIVED,
        "context": SEARCH.members["context"],
    }
)


def _by_owner(kind: str, layout: Layout) -> tuple[Route, ...]:
    """The two listings of one kind of item, of a user's graph or of any other."""
    name = kind.replace("-", "_")
    return (
        _r.read(f"graph.{name}.by_user", f"POST /graph/{kind}/user/{{user_id}}", _W.user, Many(layout)),
        _r.read(f"graph.{name}.by_graph", f"POST /graph/{kind}/graph/{{graph_id}}", _W.graph, Many(layout)),
    )


_GRAPH: tuple[Route, ...] = (
    _r.read("graph.search", "POST /graph/search", _W.body, SEARCH),
    *_by_owner("edge", EDGE),
    *_by_owner("node", NODE),
    *_by_owner("observation", DERIVED),
    *_by_owner("thread-summary", DERIVED),
    _r.read(
        "graph.document_summary.by_graph",
        "POST /graph/document-summary/graph/{graph_id}",
        _W.graph,
        Many(DERIVED),
    ),
    _r.read("graph.episodes.by_user", "GET /graph/episodes/user/{user_id}", _W.user, EPISODES),
    _r.read("graph.episodes.by_graph", "GET /graph/episodes/graph/{graph_id}", _W.graph, EPISODES),
    _r.read("graph.episodes.list_user", "POST /graph/episodes/user/{user_id}", _W.user, Many(EPISODE)),
    _r.read("graph.episodes.list_graph", "POST /graph/episodes/graph/{graph_id}", _W.graph, Many(EPISODE)),
    _r.read("graph.edge", "GET /graph/edge/{uuid}", _W.item, EDGE, single=True, note=PINNED_404),
    _r.write("graph.edge.delete", "DELETE /graph/edge/{uuid}", _W.item),
    _r.write("graph.edge.update", "PATCH /graph/edge/{uuid}", _W.item, _D.body, EDGE),
    _r.read("graph.node", "GET /graph/node/{uuid}", _W.item, NODE, single=True, note=PINNED_404),
    _r.write("graph.node.delete", "DELETE /graph/node/{uuid}", _W.item),
    _r.write("graph.node.update", "PATCH /graph/node/{uuid}", _W.item, _D.body, NODE),
    _r.read("graph.node.edges", "GET /graph/node/{uuid}/entity-edges", _W.item, Many(EDGE)),
    _r.read("graph.node.episodes", "GET /graph/node/{uuid}/episodes", _W.item, EPISODES),
    _r.read("graph.node.neighbors", "POST /graph/node/{uuid}/neighbors", _W.item, Many(NEIGHBOR)),
    _r.read("graph.episode", "GET /graph/episodes/{uuid}", _W.item, EPISODE, single=True, note=PINNED_404),
    _r.write("graph.episode.delete", "DELETE /graph/episodes/{uuid}", _W.item),
    _r.write("graph.episode.update", "PATCH /graph/episodes/{uuid}", _W.item, _D.body, EPISODE),
    _r.read("graph.episode.mentions", "GET /graph/episodes/{uuid}/mentions", _W.item, SUBGRAPH),
    _r.read("graph.observation", "GET /graph/observation/{uuid}", _W.item, DERIVED, single=True),
    _r.write("graph.add", "POST /graph", _W.body, _D.body, EPISODE),
    _r.write("graph.add_batch", "POST /graph-batch", _W.body, _D.episodes, Many(EPISODE)),
    _r.write("graph.add_triple", "POST /graph/add-fact-triple", _W.body, _D.body, TRIPLE),
    _r.write("graph.add_nodes", "POST /graph/nodes", _W.body, _D.nodes, EDGES_ADDED),
    _r.write("graph.create", "POST /graph/create", _W.body, _D.body),
    _r.admin("graph.clone", "POST /graph/clone"),
    _r.read("graph.document", "GET /graph/documents/{uuid}/episodes", _W.query, EPISODES),
    _r.read("graph.list", "GET /graph/list-all"),
    _r.read("graph.patterns", "POST /graph/patterns", _W.body, LOOSE),
    _r.read("graph.subgraph", "POST /graph/subgraph", _W.body, SUBGRAPH),
    _r.read("graph.get", "GET /graph/{graph_id}", _W.graph),
    _r.write("graph.delete", "DELETE /graph/{graph_id}", _W.own_graph, note=OWN),
    _r.write("graph.update", "PATCH /graph/{graph_id}", _W.graph, _D.body),
    _r.read("graph.warm", "GET /graph/{graph_id}/warm", _W.graph),
)

_THREADS: tuple[Route, ...] = (
    _r.read("threads", "GET /threads"),
    _r.write("thread.create", "POST /threads", _W.body),
    _r.write("thread.delete", "DELETE /threads/{thread_id}", _W.thread),
    _r.read("thread.context", "GET /threads/{thread_id}/context", _W.thread, CONTEXT),
    _r.read("thread.episodes", "GET /threads/{thread_id}/episodes", _W.thread, EPISODES),
    _r.read("thread.messages", "GET /threads/{thread_id}/messages", _W.thread, MESSAGES, states=True),
    _r.write(
        "thread.add",
        "POST /threads/{thread_id}/messages",
        _W.thread,
        _D.messages,
        MESSAGES_ADDED,
        note="a context that comes back is governed",
    ),
    _r.write(
        "thread.add_batch",
        "POST /threads/{thread_id}/messages-batch",
        _W.thread,
        _D.messages,
        MESSAGES_ADDED,
        note="a context that comes back is governed",
    ),
    _r.read("thread.summary", "GET /threads/{thread_id}/summary", _W.thread, DERIVED, single=True),
    _r.write("message.update", "PATCH /messages/{uuid}", _W.everybody, _D.body, MESSAGE),
)

_USERS: tuple[Route, ...] = (
    _r.write("user.add", "POST /users", _W.body, _D.body),
    _r.read("users", "GET /users-ordered"),
    _r.read("user", "GET /users/{user_id}", _W.user),
    _r.write("user.delete", "DELETE /users/{user_id}", _W.own_user, note=OWN),
    _r.write("user.update", "PATCH /users/{user_id}", _W.user, _D.body),
    _r.read("user.node", "GET /users/{user_id}/node", _W.user, USER_NODE, single=True),
    _r.read("user.threads", "GET /users/{user_id}/threads", _W.user),
    _r.read("user.warm", "GET /users/{user_id}/warm", _W.user),
)

_REST: tuple[Route, ...] = (
    _r.read("batches", "GET /batches"),
    _r.write("batch.create", "POST /batches", _W.nobody, _D.body),
    _r.read("batch", "GET /batches/{uuid}"),
    _r.write("batch.delete", "DELETE /batches/{uuid}"),
    _r.read("batch.items", "GET /batches/{uuid}/items", _W.everybody, Known({"items": Many(LOOSE)})),
    _r.write("batch.add", "POST /batches/{uuid}/items", _W.items, _D.items, Many(LOOSE)),
    _r.write("batch.process", "POST /batches/{uuid}/process"),
    _r.passed("templates", "GET /context-templates"),
    _r.write("template.create", "POST /context-templates", _W.everybody, _D.body),
    _r.passed("template", "GET /context-templates/{uuid}"),
    _r.write("template.update", "PUT /context-templates/{uuid}", _W.everybody, _D.body),
    _r.write("template.delete", "DELETE /context-templates/{uuid}"),
    _r.passed("instructions", "GET /custom-instructions"),
    _r.admin("instructions.add", "POST /custom-instructions"),
    _r.admin("instructions.delete", "DELETE /custom-instructions"),
    _r.passed("entity_types", "GET /entity-types"),
    _r.admin("entity_types.set", "PUT /entity-types"),
    _r.passed("project", "GET /projects/info"),
    _r.admin("project.update", "PATCH /projects/info"),
    _r.passed("steering", "GET /projects/observation-steering"),
    _r.admin("steering.set", "PUT /projects/observation-steering"),
    _r.passed("task", "GET /tasks/{uuid}"),
    _r.passed("summary_instructions", "GET /user-summary-instructions"),
    _r.admin("summary_instructions.add", "POST /user-summary-instructions"),
    _r.admin("summary_instructions.delete", "DELETE /user-summary-instructions"),
)

_GROUPS: tuple[Route, ...] = (
    _r.admin("group.policies", "GET /abac/user-groups/{uuid}/policy-sets"),
    _r.admin("group.policy.attach", "POST /abac/user-groups/{uuid}/policy-sets"),
    _r.admin("group.policy.detach", "DELETE /abac/user-groups/{uuid}/policy-sets/{other}"),
    _r.admin("groups", "GET /user-groups"),
    _r.admin("group.create", "POST /user-groups"),
    _r.admin("groups.of_user", "GET /user-groups/users/{uuid}"),
    _r.admin("group", "GET /user-groups/{uuid}"),
    _r.admin("group.delete", "DELETE /user-groups/{uuid}"),
    _r.admin("group.update", "PATCH /user-groups/{uuid}"),
    _r.admin("group.members", "GET /user-groups/{uuid}/members"),
    _r.admin("group.members.add", "POST /user-groups/{uuid}/members"),
    _r.admin("group.members.remove_many", "POST /user-groups/{uuid}/members/bulk-remove"),
    _r.admin("group.candidates", "GET /user-groups/{uuid}/members/candidates"),
    _r.admin("group.members.remove", "DELETE /user-groups/{uuid}/members/{other}"),
)

_COMMUNITY: tuple[Route, ...] = (
    _r.write("session.add", "POST /sessions", _W.body, _D.body),
    _r.read("sessions", "GET /sessions"),
    _r.read("sessions.ordered", "GET /sessions-ordered"),
    _r.read("users.all", "GET /users"),
    _r.read("session", "GET /sessions/{thread_id}", _W.session, LOOSE, single=True, states=True),
    _r.write("session.update", "PATCH /sessions/{thread_id}", _W.session, _D.body, LOOSE),
    _r.read("session.memory", "GET /sessions/{thread_id}/memory", _W.session, _MEMORY),
    _r.write("session.memory.add", "POST /sessions/{thread_id}/memory", _W.session, _D.messages),
    _r.write("session.memory.delete", "DELETE /sessions/{thread_id}/memory", _W.session),
    _r.read("session.messages", "GET /sessions/{thread_id}/messages", _W.session, MESSAGES),
    _r.read("sessions.search", "POST /sessions/search", _W.body, FOUND),
    _r.read("user.sessions", "GET /users/{user_id}/sessions", _W.user),
    _r.read("fact", "GET /facts/{uuid}", _W.item, FACT, single=True, note=PINNED_404),
    _r.write("fact.delete", "DELETE /facts/{uuid}", _W.item),
)

V2_ROUTES: tuple[Route, ...] = _GRAPH + _THREADS + _USERS + _REST + _GROUPS + _COMMUNITY
