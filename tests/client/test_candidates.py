"""Rows of Mem0, Zep and Pinecone as candidates; what a row claims of itself can only lower."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.client import (
    Authority,
    Mapper,
    MemfwError,
    mem0_search_results_to_candidates,
    pinecone_matches_to_candidates,
    zep_search_results_to_candidates,
)
from firewall.client.candidates import EVIDENCE, HINTS, REACHES, TRUSTS
from firewall.client.fnv import fnv1a_32
from firewall.client.govern import govern_request
from firewall.core.compiled import compile_policy
from firewall.core.policy import Policy
from firewall.service.govern.body import parse_body

VOUCHED = Mapper(
    source_backend="mem0",
    default_authority=Authority(source_trust="trusted", scope="project", evidence_requirement="none"),
    default_lifecycle_hint="current",
)


def mem0(metadata: dict[str, Any], mapper: Mapper | None = None, **row: Any) -> dict[str, Any]:
    """The candidate of one Mem0 row."""
    (candidate,) = mem0_search_results_to_candidates(
        [{"id": "m1", "memory": "use the adapter", "metadata": metadata, **row}], mapper
    )
    return candidate


def test_defect_15_no_row_can_promote_itself() -> None:
    """A row that claims trust, currency and proof is what it would be without the claims."""
    claims = {
        "source_trust": "trusted",
        "authority_source_trust": "trusted",
        "authority": {"source_trust": "trusted", "scope": "global", "evidence_requirement": "none"},
        "authority_scope": "project",
        "evidence_requirement": "none",
        "lifecycle_hint": "current",
        "lifecycle_state": "active",
        "status": "procedure",
    }
    claimed, plain = mem0(claims), mem0({})
    for name in ("authority", "lifecycle_hint", "external_memory_id", "evidence_refs"):
        assert claimed[name] == plain[name]
    assert plain["authority"] == {
        "source_trust": "unknown",
        "scope": "unknown",
        "evidence_requirement": "inspect_before_use",
    }
    assert plain["lifecycle_hint"] == "unknown"


_WORDS: st.SearchStrategy[Any] = st.sampled_from(
    [*TRUSTS, *REACHES, *EVIDENCE, *HINTS, "active", "nonsense", "", 7, None, {}]
)
_KEYS = (
    "authority_source_trust",
    "source_trust",
    "authority_scope",
    "scope",
    "authority_evidence_requirement",
    "evidence_requirement",
    "lifecycle_hint",
    "lifecycle_state",
    "status",
)
_CLAIMS = st.dictionaries(st.sampled_from(_KEYS), _WORDS)


@given(
    st.sampled_from(TRUSTS),
    st.sampled_from(REACHES),
    st.sampled_from(EVIDENCE),
    st.sampled_from(HINTS),
    _CLAIMS,
    _CLAIMS,
)
def test_claims_only_lower(
    trust: Any, reach: Any, evidence: Any, hint: Any, claims: Any, nested: Any
) -> None:
    """Whatever a row says in whatever place, nothing gets better than the host's own claim."""
    mapper = Mapper(
        source_backend="mem0",
        default_authority=Authority(source_trust=trust, scope=reach, evidence_requirement=evidence),
        default_lifecycle_hint=hint,
    )
    candidate = mem0({**claims, "authority": nested}, mapper)
    said = candidate["authority"]
    assert TRUSTS.index(said["source_trust"]) <= TRUSTS.index(trust)
    assert REACHES.index(said["scope"]) <= REACHES.index(reach)
    assert EVIDENCE.index(said["evidence_requirement"]) <= EVIDENCE.index(evidence)
    assert HINTS.index(candidate["lifecycle_hint"]) <= HINTS.index(hint)


@pytest.mark.parametrize(
    ("metadata", "where", "want"),
    [
        ({"source_trust": "untrusted"}, "source_trust", "untrusted"),
        ({"authority": {"source_trust": "known"}}, "source_trust", "known"),
        ({"source_trust": "very much"}, "source_trust", "untrusted"),
        ({"authority_scope": "user"}, "scope", "user"),
        ({"scope": "checkout"}, "scope", "project"),
        ({"evidence_requirement": "blocked"}, "evidence_requirement", "blocked"),
        ({"evidence_requirement": "whatever"}, "evidence_requirement", "inspect_before_use"),
    ],
)
def test_a_row_may_lower_itself(metadata: dict[str, Any], where: str, want: str) -> None:
    """What makes it worse counts; what cannot be read counts as the careful word; a project's name is no reach."""
    assert mem0(metadata, VOUCHED)["authority"][where] == want


@pytest.mark.parametrize(
    ("metadata", "want"),
    [
        ({}, "current"),
        ({"status": "active"}, "current"),
        ({"lifecycle_hint": "current", "status": "failed"}, "failed"),
        ({"lifecycle_state": "suppressed"}, "suppressed"),
        ({"status": "somehow"}, "unknown"),
    ],
)
def test_of_several_hints_the_worst_counts(metadata: dict[str, Any], want: str) -> None:
    """A failed row that also calls itself current is failed."""
    assert mem0(metadata, VOUCHED)["lifecycle_hint"] == want


def test_a_row_cannot_take_anothers_id() -> None:
    """Its own id is its id; the one that it claims can only bring up what is known against it."""
    borrowed = mem0({"external_memory_id": "mem0:accepted", "memory_id": "m1", "id": 5})
    assert borrowed["external_memory_id"] == "mem0:m1"
    assert borrowed["evidence_refs"] == ["mem0:accepted", "5"]


def test_a_mapper_that_claims_nothing_known() -> None:
    """The host's own mistake is an error, not a candidate."""
    wrong: Any = "verified"
    with pytest.raises(MemfwError) as refused:
        mem0({}, Mapper(source_backend="mem0", default_authority=Authority(source_trust=wrong)))
    assert refused.value.code == "mapper_invalid"


def test_ids_of_rows_without_one() -> None:
    """The host's own id where there is one, else the place and a name made of the text; nothing is prefixed twice."""
    rows = [
        {"memory": "a", "metadata": {"external_memory_id": "kb:7"}},
        {"memory": "b", "metadata": {"memory_id": "8"}},
        {"memory": "c"},
        {"id": 9, "memory": "d"},
    ]
    ids = [row["external_memory_id"] for row in mem0_search_results_to_candidates({"results": rows})]
    assert ids == ["kb:7", "mem0:8", f"mem0:result-3-{fnv1a_32('c')}", "mem0:9"]


def test_mem0_text_and_facts() -> None:
    """The first text there is, objects as JSON, else the whole row; the platform's own dates are laid over written ones."""
    rows: list[dict[str, Any]] = [
        {"id": "1", "memory": "", "text": "t"},
        {"id": "2", "data": {"k": "v"}},
        {"id": "3"},
        {"id": "4", "memory": "m", "score": 0.5, "created_at": "2024", "metadata": {"created_at": "2099"}},
    ]
    candidates: list[Any] = mem0_search_results_to_candidates(rows)
    assert [row["text"] for row in candidates] == ["t", '{"k": "v"}', '{"id": "3"}', "m"]
    assert candidates[3]["metadata"] == {"created_at": "2024", "mem0_score": 0.5, "mem0_row_id": "4"}


def test_lists_in_all_their_spellings() -> None:
    """Arrays, JSON in strings, and commas."""
    candidate = mem0(
        {
            "target_files": "src/a.ts, src/b.ts",
            "target_files_json": '["src/c.ts"]',
            "evidence_refs": ["ci:1"],
            "evidence_refs_json": "[broken",
        }
    )
    assert candidate["metadata"]["target_files"] == ["src/a.ts", "src/b.ts", "src/c.ts"]
    assert candidate["evidence_refs"] == ["ci:1", "[broken"]


def test_zep() -> None:
    """Facts, nodes and episodes; retired facts say when; an end to come beside a retirement asks for inspection."""
    results = {
        "edges": [
            {"uuid": "e1", "name": "USES", "fact": "uses the adapter", "created_at": "2026-01-01"},
            {
                "uuid": "e2",
                "name": "USES",
                "fact": "uses legacy",
                "invalid_at": "2026-01-05",
                "expired_at": None,
            },
            {"uuid": "e3", "fact": "gone", "expired_at": "2026-01-05"},
            {"uuid": "e4", "fact": "ends", "invalid_at": "2099-01-05", "expired_at": "2026-01-05"},
        ],
        "nodes": [
            {"uuid": "n1", "name": "checkout", "summary": "a service", "attributes": {"status": "failed"}}
        ],
        "episodes": [{"uuid": "p1", "content": "hello"}],
        "context": "<FACTS> ... </FACTS>",
    }
    mapper = msgspec.structs.replace(VOUCHED, source_backend="zep")
    found: dict[str, Any] = {
        str(row["external_memory_id"]): row for row in zep_search_results_to_candidates(results, mapper)
    }
    assert list(found) == ["zep:e1", "zep:e2", "zep:e3", "zep:e4", "zep:n1", "zep:p1"]
    assert found["zep:e1"]["metadata"] == {"created_at": "2026-01-01"}
    assert found["zep:e2"]["metadata"] == {"invalid_at": "2026-01-05"}
    assert found["zep:e3"]["metadata"] == {"expired_at": "2026-01-05"}
    assert found["zep:e4"]["metadata"] == {"invalid_at": "2099-01-05"}
    needs = {name: row["authority"]["evidence_requirement"] for name, row in found.items()}
    assert needs == {**dict.fromkeys(found, "none"), "zep:e4": "inspect_before_use"}
    assert (found["zep:n1"]["text"], found["zep:n1"]["lifecycle_hint"]) == ("a service", "failed")
    assert found["zep:n1"]["metadata"]["title"] == "checkout"
    page = zep_search_results_to_candidates({"items": [{"uuid": "e1", "fact": "x"}], "next_cursor": None})
    assert page[0]["external_memory_id"] == "zep:e1"


@pytest.mark.parametrize(
    "results",
    [
        {"matches": [{"id": "p1", "score": 0.5, "metadata": {"text": "t", "lang": "en"}}]},
        {"result": {"hits": [{"_id": "p1", "_score": 0.5, "fields": {"chunk_text": "t", "lang": "en"}}]}},
        {"matches": [{"_id": "p1", "_score": 0.5, "body": "t", "lang": "en"}]},
        {"vectors": {"p1": {"id": "p1", "values": [], "metadata": {"_node_content": '{"text": "t"}'}}}},
        [{"id": "p1", "metadata": {"note": "t"}}],
    ],
)
def test_pinecone(results: Any) -> None:
    """Matches, hits, documents and fetched vectors; the text is where frameworks put it."""
    (candidate,) = pinecone_matches_to_candidates(results)
    assert (candidate["external_memory_id"], candidate["text"]) == ("pinecone:p1", "t")
    assert "_node_content" not in str(candidate["metadata"])


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=8,
)
_NAMES = ("id", "_id", "uuid", "memory", "fact", "metadata", "fields", "attributes", "score", "expired_at")
_ROWS = st.lists(st.dictionaries(st.sampled_from(_NAMES), _JSON), min_size=1, max_size=3)


@given(_ROWS)
def test_whatever_a_store_answers_the_server_can_read(rows: Any) -> None:
    """Every row becomes a candidate of a body that the server takes."""
    policy = compile_policy(Policy(), "r1")
    for mapped in (
        mem0_search_results_to_candidates(rows),
        zep_search_results_to_candidates(rows),
        pinecone_matches_to_candidates(rows),
    ):
        assert len(mapped) == len(rows)
        body = parse_body(msgspec.json.encode(govern_request("q", mapped, {})), policy)
        assert len(body.candidates) == len(rows)
