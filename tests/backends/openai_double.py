"""A double of the OpenAI API that understands triples, so that a real Graphiti runs its own extraction on it, the same each time.

An episode says `[subject | RELATION | object]`, any number of times; the same subject and relation with another object
contradicts the earlier one. Answers go by the name of the schema that is asked for; the prompts are Graphiti's.
"""

import base64
import hashlib
import json
import math
import re
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.backends.serving import listening

_DIMENSION = 1024
_TRIPLE = re.compile(r"\[([^|\[\]]+)\|([^|\[\]]+)\|([^|\[\]]+)\]")
_FACT = re.compile(r"""['"]idx['"]: (\d+), ['"]fact['"]: (['"])(.*?)\2\}""")


def _section(prompt: str, *names: str) -> str:
    for name in names:
        found = re.search(rf"<{name}>\s*(.*?)\s*</{name}>", prompt, re.DOTALL)
        if found:
            return found[1]
    return ""


def _triples(prompt: str) -> list[tuple[str, str, str]]:
    """Of the episode, not of those before it."""
    text = _section(prompt, "CURRENT[ _]MESSAGE", "EPISODE", "TEXT")
    return [(one.strip(), way.strip(), other.strip()) for one, way, other in _TRIPLE.findall(text)]


def _entities(prompt: str) -> object:
    names = dict.fromkeys(name for one, _, other in _triples(prompt) for name in (one, other))
    rows = [{"name": name, "entity_type_id": 0, "episode_indices": [0]} for name in names]
    return {"extracted_entities": rows}


def _edges(prompt: str) -> object:
    return {
        "edges": [
            {
                "source_entity_name": one,
                "target_entity_name": other,
                "relation_type": way.upper().replace(" ", "_"),
                "fact": f"{one} {way} {other}",
                "episode_indices": [0],
            }
            for one, way, other in _triples(prompt)
        ]
    }


def _resolutions(prompt: str) -> object:
    rows = json.loads(_section(prompt, "ENTITIES"))
    return {
        "entity_resolutions": [
            {"id": row["id"], "name": row["name"], "duplicate_candidate_id": -1, "duplicate_name": ""}
            for row in rows
        ]
    }


def _duplicates(prompt: str) -> object:
    """The same text is a duplicate; other text with the same first two words contradicts."""
    new = _section(prompt, "NEW FACT")
    known = {
        int(number): fact
        for name in ("EXISTING FACTS", "FACT INVALIDATION CANDIDATES")
        for number, _, fact in _FACT.findall(_section(prompt, name))
    }
    same = [number for number, fact in known.items() if fact == new]
    other = [number for number, fact in known.items() if fact != new and fact.split()[:2] == new.split()[:2]]
    return {"duplicate_facts": same, "contradicted_facts": other}


def _since(prompt: str) -> object:
    return {"valid_at": _section(prompt, "REFERENCE TIME") or None, "invalid_at": None}


def _all_since(prompt: str) -> object:
    rows = json.loads(_section(prompt, "FACTS"))
    return {"timestamps": [{"valid_at": row.get("reference_time"), "invalid_at": None} for row in rows]}


_ANSWERS: Mapping[str, Callable[[str], object]] = {
    "ExtractedEntities": _entities,
    "ExtractedEdges": _edges,
    "NodeResolutions": _resolutions,
    "EdgeDuplicate": _duplicates,
    "EdgeTimestamps": _since,
    "BatchEdgeTimestamps": _all_since,
    "SummarizedEntities": lambda _: {"summaries": []},
    "EntitySummary": lambda _: {"summary": ""},
}


def _answer(schema: str, messages: Any) -> str:
    prompt = "\n".join(str(message["content"]) for message in messages)
    return json.dumps(_ANSWERS[schema](prompt))


async def _responses(request: web.Request) -> web.Response:
    asked = await request.json()
    text = _answer(asked["text"]["format"]["name"], asked["input"])
    content = [{"type": "output_text", "text": text, "annotations": []}]
    said = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": content}
    usage = {
        "input_tokens": 1,
        "output_tokens": 1,
        "total_tokens": 2,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    about = {"id": "r", "object": "response", "created_at": 0, "status": "completed", "model": asked["model"]}
    shape = {"parallel_tool_calls": False, "tool_choice": "auto", "tools": [], "usage": usage}
    return web.json_response({**about, **shape, "output": [said]})


async def _completions(request: web.Request) -> web.Response:
    asked = await request.json()
    text = _answer(asked["response_format"]["json_schema"]["name"], asked["messages"])
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    about = {"id": "c", "object": "chat.completion", "created": 0, "model": asked["model"]}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return web.json_response({**about, "choices": [choice], "usage": usage})


def _embedded(text: str) -> list[float]:
    """Hashed words and their beginnings."""
    vector = [0.0] * _DIMENSION
    for word in re.findall(r"\w+", text.lower()):
        for part in {word, word[:4]}:
            vector[int.from_bytes(hashlib.blake2b(part.encode(), digest_size=4).digest()) % _DIMENSION] += 1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


async def _embeddings(request: web.Request) -> web.Response:
    asked = await request.json()
    texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
    rows = []
    for index, text in enumerate(texts):
        vector: object = _embedded(text)
        if asked.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{_DIMENSION}f", *_embedded(text))).decode()
        rows.append({"object": "embedding", "index": index, "embedding": vector})
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return web.json_response({"object": "list", "data": rows, "model": asked["model"], "usage": usage})


@asynccontextmanager
async def openai_double() -> AsyncIterator[str]:
    """The base URL, as OPENAI_BASE_URL takes it."""
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/responses", _responses)
    app.router.add_post("/v1/chat/completions", _completions)
    app.router.add_post("/v1/embeddings", _embeddings)
    async with listening(app) as url:
        yield f"{url}/v1"
