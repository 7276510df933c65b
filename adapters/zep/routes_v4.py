"""The routes below /api/v4: zep-cloud 4.x. Those of agents are in `routes_agents`."""

from adapters.zep.layouts import (
    CONTEXT,
    DERIVED,
    EDGE,
    EDGES_ADDED,
    EPISODE,
    EPISODE_ADDED,
    HYPEREDGE_ADDED,
    LOOSE,
    MESSAGE,
    MESSAGES_ADDED,
    NEIGHBOR,
    NODE,
    QUERY,
    SUBGRAPH,
    page_of,
)
from adapters.zep.routes import OWN, Draft, Route, Rows, Whose
from adapters.zep.routes_agents import AGENT_ROUTES
from firewall.core.wire.layouts import Layout

_r = Rows("v4")
_W = Whose
_D = Draft
_G = "/graphs/{graph_id}"
_T = "/threads/{thread_id}"
_U = "/users/{user_id}"


def _search(kind: str, layout: Layout) -> Route:
    name = kind.replace("-", "_")
    return _r.read(f"search.{name}", f"POST {_G}/search/{kind}", _W.graph, page_of(layout))


def _listing(kind: str, layout: Layout) -> Route:
    name = kind.replace("-", "_")
    return _r.read(f"list.{name}", f"POST {_G}/{kind}/list", _W.graph, page_of(layout))


def _single(kind: str, plural: str, layout: Layout) -> tuple[Route, ...]:
    one = f"{_G}/{plural}/{{uuid}}"
    return (
        _r.read(f"{kind}.get", f"GET {one}", _W.graph, layout, single=True),
        _r.write(f"{kind}.delete", f"DELETE {one}", _W.graph),
        _r.write(f"{kind}.update", f"PATCH {one}", _W.graph, _D.body, layout),
    )


_GRAPHS: tuple[Route, ...] = (
    _search("edges", EDGE),
    _search("nodes", NODE),
    _search("episodes", EPISODE),
    _search("observations", DERIVED),
    _search("thread-summaries", DERIVED),
    _listing("edges", EDGE),
    _listing("nodes", NODE),
    _listing("episodes", EPISODE),
    _listing("hyperedges", EDGE),
    _listing("observations", DERIVED),
    _listing("thread-summaries", DERIVED),
    _listing("document-summaries", DERIVED),
    *_single("edge", "edges", EDGE),
    *_single("node", "nodes", NODE),
    *_single("episode", "episodes", EPISODE),
    *_single("hyperedge", "hyperedges", EDGE),
    _r.read("observation.get", f"GET {_G}/observations/{{uuid}}", _W.graph, DERIVED, single=True),
    _r.read("node.neighbors", f"POST {_G}/nodes/{{uuid}}/neighbors", _W.graph, page_of(NEIGHBOR)),
    _r.read("document.episodes", f"GET {_G}/documents/{{uuid}}/episodes", _W.graph, page_of(EPISODE)),
    _r.read("episode.debug", f"GET {_G}/episodes/{{uuid}}/debug-logs", _W.graph, LOOSE),
    _r.read("episode.traces", f"GET {_G}/episodes/{{uuid}}/ingestion-traces", _W.graph, page_of(LOOSE)),
    _r.write("edges.add", f"POST {_G}/edges", _W.graph, _D.edges, EDGES_ADDED),
    _r.write("nodes.add", f"POST {_G}/nodes", _W.graph, _D.nodes, EDGES_ADDED),
    _r.write("episode.add", f"POST {_G}/episodes", _W.graph, _D.body, EPISODE_ADDED),
    _r.write("hyperedge.add", f"POST {_G}/hyperedges", _W.graph, _D.body, HYPEREDGE_ADDED),
    _r.write("hyperedge.edge.add", f"POST {_G}/hyperedges/{{uuid}}/edges", _W.graph, _D.body, LOOSE),
    _r.write("hyperedge.edge.delete", f"DELETE {_G}/hyperedges/{{uuid}}/edges/{{other}}", _W.graph),
    _r.read("graph.context", f"POST {_G}/context", _W.graph, CONTEXT),
    _r.read("graph.subgraph", f"POST {_G}/subgraph", _W.graph, SUBGRAPH),
    _r.read(
        "graph.query",
        "POST /graphs/query",
        _W.graphs,
        QUERY,
        note="an answer that draws on what is withheld is blocked; a stream is held back until it is whole",
    ),
    _r.write("graph.create", "POST /graphs", _W.everybody, _D.body),
    _r.read("graphs", "POST /graphs/list"),
    _r.read("graph.lookup", "POST /graphs/lookup", _W.lookup),
    _r.read("graph", f"GET {_G}", _W.graph),
    _r.write("graph.delete", f"DELETE {_G}", _W.own_graph, note=OWN),
    _r.write("graph.update", f"PATCH {_G}", _W.graph, _D.body),
    _r.admin("graph.clone", f"POST {_G}/clone"),
    _r.read("graph.warm", f"POST {_G}/warm", _W.graph),
    _r.read("graph.content_policy", f"GET {_G}/content-policy", _W.graph),
    _r.admin("graph.content_policy.events", f"POST {_G}/content-policy/events/list"),
    _r.read("graph.instructions", f"GET {_G}/instructions", _W.graph),
    _r.admin("graph.instructions.set", f"PUT {_G}/instructions"),
    _r.read("graph.steering", f"GET {_G}/observation-steering", _W.graph),
    _r.admin("graph.steering.set", f"PUT {_G}/observation-steering"),
    _r.read("graph.ontology", f"GET {_G}/ontology", _W.graph),
    _r.admin("graph.ontology.set", f"PUT {_G}/ontology"),
)

_THREADS: tuple[Route, ...] = (
    _r.read("threads", "GET /threads", _W.query),
    _r.write("thread.create", "POST /threads", _W.body),
    _r.read("thread.lookup", "POST /threads/lookup", _W.lookup),
    _r.read("thread", f"GET {_T}", _W.thread, LOOSE, single=True, states=True),
    _r.write("thread.delete", f"DELETE {_T}", _W.thread),
    _r.read("thread.context", f"GET {_T}/context", _W.thread, CONTEXT),
    _r.read("thread.episodes", f"GET {_T}/episodes", _W.thread, page_of(EPISODE)),
    _r.read("thread.messages", f"GET {_T}/messages", _W.thread, page_of(MESSAGE)),
    _r.write(
        "thread.add",
        f"POST {_T}/messages",
        _W.thread,
        _D.messages,
        MESSAGES_ADDED,
        note="a context that comes back is governed",
    ),
    _r.read("message", f"GET {_T}/messages/{{uuid}}", _W.thread, MESSAGE, single=True),
    _r.write("message.update", f"PATCH {_T}/messages/{{uuid}}", _W.thread, _D.body, MESSAGE),
    _r.read("thread.summary", f"GET {_T}/summary", _W.thread, DERIVED, single=True),
)

_USERS: tuple[Route, ...] = (
    _r.write("user.create", "POST /users", _W.everybody, _D.body),
    _r.read("users", "POST /users/list"),
    _r.read("user.lookup", "POST /users/lookup", _W.lookup),
    _r.read("user", f"GET {_U}", _W.user),
    _r.write("user.delete", f"DELETE {_U}", _W.own_user, note=OWN),
    _r.write("user.update", f"PATCH {_U}", _W.user, _D.body),
    _r.read("user.node", f"GET {_U}/node", _W.user, NODE, single=True),
    _r.read("user.summary_instructions", f"GET {_U}/summary-instructions", _W.user),
    _r.admin("user.summary_instructions.set", f"PUT {_U}/summary-instructions"),
    _r.admin("user.groups", f"GET {_U}/user-groups"),
    _r.read("lookup", "POST /lookup", _W.lookup),
)

_REST: tuple[Route, ...] = (
    _r.read("batches", "GET /batches"),
    _r.write("batch.create", "POST /batches", _W.nobody, _D.body),
    _r.read("batch", "GET /batches/{uuid}"),
    _r.write("batch.delete", "DELETE /batches/{uuid}"),
    _r.read("batch.items", "GET /batches/{uuid}/items", _W.everybody, page_of(LOOSE)),
    _r.write("batch.add", "POST /batches/{uuid}/items", _W.items, _D.items, LOOSE),
    _r.write("batch.process", "POST /batches/{uuid}/process"),
    _r.write("template.create", "POST /context-templates", _W.everybody, _D.body),
    _r.read("templates", "POST /context-templates/list", _W.nobody),
    _r.passed("template", "GET /context-templates/{uuid}"),
    _r.write("template.update", "PUT /context-templates/{uuid}", _W.everybody, _D.body),
    _r.write("template.delete", "DELETE /context-templates/{uuid}"),
    _r.admin("debug_log.enable", "POST /debug-logs/enable"),
    _r.passed("project", "GET /project"),
    _r.admin("project.update", "PATCH /project"),
    _r.passed("project.content_policy", "GET /project/content-policy"),
    _r.admin("project.content_policy.set", "PUT /project/content-policy"),
    _r.passed("project.content_policy.revisions", "GET /project/content-policy/revisions"),
    _r.passed("project.content_policy.revision", "GET /project/content-policy/revisions/{uuid}"),
    _r.passed("project.instructions", "GET /project/instructions"),
    _r.admin("project.instructions.set", "PUT /project/instructions"),
    _r.passed("project.steering", "GET /project/observation-steering"),
    _r.admin("project.steering.set", "PUT /project/observation-steering"),
    _r.passed("project.ontology", "GET /project/ontology"),
    _r.admin("project.ontology.set", "PUT /project/ontology"),
    _r.passed("project.summary_instructions", "GET /project/user-summary-instructions"),
    _r.admin("project.summary_instructions.set", "PUT /project/user-summary-instructions"),
    _r.read("tasks", "GET /tasks"),
    _r.passed("task", "GET /tasks/{uuid}"),
    _r.admin("group.create", "POST /user-groups"),
    _r.admin("groups", "POST /user-groups/list"),
    _r.admin("group", "GET /user-groups/{uuid}"),
    _r.admin("group.delete", "DELETE /user-groups/{uuid}"),
    _r.admin("group.update", "PATCH /user-groups/{uuid}"),
    _r.admin("group.candidates", "POST /user-groups/{uuid}/member-candidates/list"),
    _r.admin("group.members.add", "POST /user-groups/{uuid}/members"),
    _r.admin("group.members", "POST /user-groups/{uuid}/members/list"),
    _r.admin("group.members.remove_many", "POST /user-groups/{uuid}/members/remove"),
    _r.admin("group.members.remove", "DELETE /user-groups/{uuid}/members/{other}"),
)

V4_ROUTES: tuple[Route, ...] = _GRAPHS + _THREADS + _USERS + _REST + AGENT_ROUTES
