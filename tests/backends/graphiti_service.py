"""A REST server over the real graphiti-core on FalkorDB, with the routes and shapes of Graphiti's own, which is on no index.

    python graphiti_service.py PORT FALKORDB_PORT

runs in an environment of its own; nothing of memfw is imported. Unlike Graphiti's, it answers when the memory is stored.
"""

import sys
from datetime import datetime
from typing import Any

from aiohttp import web
from graphiti_core import Graphiti
from graphiti_core.driver.falkordb_driver import FalkorDriver
from graphiti_core.nodes import EpisodeType


class Service:
    """The routes. Each group of FalkorDB is a graph of its own."""

    def __init__(self, graphiti: Any) -> None:
        self._graphiti = graphiti

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/healthcheck", self._health)
        app.router.add_post("/messages", self._messages)
        app.router.add_post("/search", self._search)
        app.router.add_post("/get-memory", self._memory)
        app.router.add_get("/episodes/{group}", self._episodes)
        return app

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "healthy"})

    async def _messages(self, request: web.Request) -> web.Response:
        asked = await request.json()
        for message in asked["messages"]:
            await self._graphiti.add_episode(
                name=message.get("name", ""),
                episode_body=f"{message.get('role', '')}({message['role_type']}): {message['content']}",
                source_description=message.get("source_description", ""),
                reference_time=datetime.fromisoformat(message["timestamp"]),
                source=EpisodeType.message,
                group_id=asked["group_id"],
            )
        return web.json_response(
            {"message": "Messages added to processing queue", "success": True}, status=202
        )

    async def _search(self, request: web.Request) -> web.Response:
        asked = await request.json()
        return await self._found(asked["query"], asked.get("group_ids"), asked.get("max_facts", 10))

    async def _memory(self, request: web.Request) -> web.Response:
        asked = await request.json()
        query = "".join(
            f"{message['role_type']}({message['role']}): {message['content']}\n"
            for message in asked["messages"]
        )
        return await self._found(query, [asked["group_id"]], asked.get("max_facts", 10))

    async def _found(self, query: str, groups: list[str] | None, count: int) -> web.Response:
        edges = await self._graphiti.search(query, group_ids=groups, num_results=count)
        return web.json_response({"facts": [_fact(edge) for edge in edges]})

    async def _episodes(self, request: web.Request) -> web.Response:
        group, count = request.match_info["group"], int(request.query["last_n"])
        driver = self._graphiti.driver.clone(database=group)
        rows = await self._graphiti.retrieve_episodes(
            reference_time=datetime.now().astimezone(),  # noqa: TID251  its own clock, as the server's
            last_n=count,
            group_ids=[group],
            driver=driver,
        )
        return web.json_response(
            [
                {
                    "uuid": row.uuid,
                    "name": row.name,
                    "group_id": row.group_id,
                    "labels": row.labels,
                    "created_at": _said(row.created_at),
                    "source": row.source.value,
                    "source_description": row.source_description,
                    "content": row.content,
                    "valid_at": _said(row.valid_at),
                    "entity_edges": row.entity_edges,
                    "episode_metadata": None,
                }
                for row in rows
            ]
        )


def _fact(edge: Any) -> dict[str, object]:
    times = {key: _said(getattr(edge, key)) for key in ("valid_at", "invalid_at", "created_at", "expired_at")}
    plain = ("uuid", "name", "fact", "source_node_uuid", "target_node_uuid", "episodes")
    return {**{key: getattr(edge, key) for key in plain}, **times}


def _said(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


async def opened(falkordb: int) -> web.Application:
    """Ready, with the indexes of the database built."""
    graphiti = Graphiti(graph_driver=FalkorDriver(host="127.0.0.1", port=falkordb))
    await graphiti.build_indices_and_constraints()
    return Service(graphiti).app()


if __name__ == "__main__":
    web.run_app(opened(int(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[1]))
