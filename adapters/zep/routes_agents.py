"""The routes of agents, skills and traces in /api/v4. No user or graph owns them: a pinned caller has none of them.

What an agent may read back is governed as text of unknown form; what decides over skills and imports is for admins.
"""

from adapters.zep.layouts import CONTEXT, LOOSE, page_of
from adapters.zep.routes import Draft, Route, Rows, Whose

_r = Rows("v4")
_ALL = Whose.everybody
_BODY = Draft.body
_PAGE = page_of(LOOSE)
_A = "/agents/{agent}"
_S = _A + "/skills/{skill}"
_T = _A + "/traces/{trace}"
_I = _A + "/trace-imports/{uuid}"
_V = _A + "/verifiers/{uuid}"
_C = "/trace-connections/{uuid}"

_AGENTS: tuple[Route, ...] = (
    _r.passed("agent.learning", f"GET {_A}/learning"),
    _r.read("agent.learning.runs", f"GET {_A}/learning-runs", _ALL, _PAGE),
    _r.admin("agent.literal_policy", f"GET {_A}/literal-policy"),
    _r.admin("agent.literal_policy.set", f"PUT {_A}/literal-policy"),
    _r.admin("agent.create", "POST /agents"),
    _r.read("agents", "POST /agents/list"),
    _r.read("agent", f"GET {_A}", _ALL, LOOSE),
    _r.admin("agent.delete", f"DELETE {_A}"),
    _r.admin("agent.update", f"PATCH {_A}"),
    _r.admin("agent.breaking_change", f"POST {_A}/breaking-changes"),
    _r.read("agent.context", f"POST {_A}/context", _ALL, CONTEXT),
    _r.admin("agent.split", f"POST {_A}/split-plan"),
    _r.read("agent.families", f"POST {_A}/task-families/list", _ALL, _PAGE),
    _r.admin("agent.families.rename", f"POST {_A}/task-families/rename"),
)

_SKILLS: tuple[Route, ...] = (
    _r.read("skill.candidates", f"GET {_A}/skill-candidates", _ALL, _PAGE),
    _r.read("skill.candidate", f"GET {_A}/skill-candidates/{{review}}", _ALL, LOOSE),
    _r.admin(
        "skill.candidate.evaluate",
        f"POST {_A}/skill-candidates/{{review}}/candidates/{{uuid}}/evaluations",
    ),
    _r.admin("skill.evaluate", f"POST {_S}/evaluations"),
    _r.read("skill.evidence", f"GET {_S}/evidence", _ALL, _PAGE),
    _r.admin("skill.export", f"POST {_S}/versions/{{version}}/export"),
    _r.admin("skill.export.get", f"GET {_S}/versions/{{version}}/export/{{task}}"),
    _r.read("skill.publications", f"GET {_A}/skill-publications", _ALL, LOOSE),
    _r.read("skill.publication", f"GET {_S}/publication", _ALL, LOOSE),
    _r.write("skill.create", f"POST {_A}/skills", _ALL, _BODY, LOOSE),
    _r.admin("skill.import", f"POST {_A}/skills/import"),
    _r.read("skills", f"POST {_A}/skills/list", _ALL, _PAGE),
    _r.read("skills.search", f"POST {_A}/skills/search", _ALL, _PAGE),
    _r.read("skill", f"GET {_S}", _ALL, LOOSE, single=True),
    _r.admin("skill.approve", f"POST {_S}/approve"),
    _r.admin("skill.retire", f"POST {_S}/retire"),
    _r.write("skill.version.create", f"POST {_S}/versions", _ALL, _BODY, LOOSE),
    _r.read("skill.relations", f"GET {_S}/relations", _ALL, _PAGE),
    _r.write("skill.use", f"POST {_S}/uses", _ALL, _BODY),
    _r.write("skill.use.outcome", f"POST {_S}/uses/{{use}}/outcome", _ALL, _BODY),
    _r.admin("skill.restore", f"POST {_S}/restore-version"),
    _r.read("skill.versions", f"GET {_S}/versions", _ALL, _PAGE),
    _r.read("skill.compare", f"POST {_S}/versions/compare", _ALL, LOOSE),
    _r.read("skill.version", f"GET {_S}/versions/{{version}}", _ALL, LOOSE, single=True),
)

_TRACES: tuple[Route, ...] = (
    _r.write("trace.create", f"POST {_A}/traces", _ALL, _BODY, LOOSE),
    _r.read("traces", f"POST {_A}/traces/list", _ALL, _PAGE),
    _r.read("trace", f"GET {_T}", _ALL, LOOSE, single=True),
    _r.write("trace.delete", f"DELETE {_T}", _ALL),
    _r.write("trace.update", f"PATCH {_T}", _ALL, _BODY, LOOSE),
    _r.write("trace.abandon", f"POST {_T}/abandon", _ALL, _BODY, LOOSE),
    _r.write("trace.close", f"POST {_T}/close", _ALL, _BODY, LOOSE),
    _r.write("trace.correct", f"POST {_T}/correct-task-family", _ALL, _BODY, LOOSE),
    _r.read("trace.events", f"GET {_T}/events", _ALL, _PAGE),
    _r.write("trace.event.add", f"POST {_T}/events", _ALL, _BODY, LOOSE),
    _r.write("trace.event.delete", f"DELETE {_T}/events/{{uuid}}", _ALL),
    _r.write("trace.reopen", f"POST {_T}/reopen", _ALL, _BODY, LOOSE),
    _r.read("trace.summary", f"GET {_T}/summary", _ALL, LOOSE, single=True),
    _r.read("trace.summaries", f"GET {_T}/summary/versions", _ALL, _PAGE),
)

_ADMIN: tuple[Route, ...] = (
    _r.admin("imports", f"GET {_A}/trace-imports"),
    _r.admin("import.create", f"POST {_A}/trace-imports"),
    _r.admin("import", f"GET {_I}"),
    _r.admin("import.delete", f"DELETE {_I}"),
    _r.admin("import.update", f"PATCH {_I}"),
    _r.admin("import.pause", f"POST {_I}/pause"),
    _r.admin("import.resume", f"POST {_I}/resume"),
    _r.admin("import.run.items", f"GET {_I}/runs/{{run}}/items"),
    _r.admin("import.runs", f"GET {_I}/runs"),
    _r.admin("import.run.create", f"POST {_I}/runs"),
    _r.admin("import.run", f"GET {_I}/runs/{{run}}"),
    _r.admin("verifiers", f"POST {_A}/verifiers/list"),
    _r.admin("verifier", f"GET {_V}"),
    _r.admin("verifier.update", f"PATCH {_V}"),
    _r.admin("verifier.invalidate", f"POST {_V}/invalidate-evidence"),
    _r.admin("verifier.revoke", f"POST {_V}/revoke"),
    _r.admin("connection.projects", f"GET {_C}/projects"),
    _r.admin("connections", "GET /trace-connections"),
    _r.admin("connection.create", "POST /trace-connections"),
    _r.admin("connection", f"GET {_C}"),
    _r.admin("connection.delete", f"DELETE {_C}"),
    _r.admin("connection.update", f"PATCH {_C}"),
    _r.admin("connection.verify", f"POST {_C}/verify"),
    _r.admin("connection.trace", f"POST {_C}/traces/get"),
    _r.admin("connection.traces", f"POST {_C}/traces/list"),
)

AGENT_ROUTES: tuple[Route, ...] = _AGENTS + _SKILLS + _TRACES + _ADMIN
