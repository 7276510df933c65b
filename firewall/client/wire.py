"""The connection to one memfw: JSON over HTTP, the caller's tenant and scope in every request, errors as exceptions.

Nothing is retried: whether a write was done is known by its `operation_id`, and only the caller knows that. What was written
through this connection is there when it is read through it, whichever process answers: the server is told how far its log has
to be (`Memfw-After`).
"""

from typing import Final

import aiohttp
import msgspec

from firewall.client.errors import AnswerIssue, MemfwAnswerError, MemfwError
from firewall.client.shapes import Json, record, records, text

TIMEOUT_SECONDS: Final = 10.0
AFTER: Final = "Memfw-After"
#: Scopes of which the last write is remembered.
MOST_PLACES: Final = 1_000

#: Tenant and scope as requests say them; empty where they say none, which is always the same ones.
Place = tuple[str, str]

_decoder = msgspec.json.Decoder()


class Wire:
    """Opens its session at the first request; one that it was given stays the giver's to close."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None,
        tenant_id: str | None,
        scope: str | None,
        timeout: float,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._place = {
            name: value for name, value in (("tenant_id", tenant_id), ("scope", scope)) if value is not None
        }
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session = session
        self._owns_session = session is None
        self._open = True
        self._written: dict[Place, str] = {}

    async def post(self, path: str, body: Json) -> Json:
        """The answer's object. What the body says of tenant and scope comes before the client's own."""
        said = {**self._place, **{name: value for name, value in body.items() if value is not None}}
        return await self._ask("POST", path, said, body=_encoded(said))

    async def get(self, path: str, query: dict[str, str]) -> Json:
        """The answer's object."""
        said = {**self._place, **query}
        return await self._ask("GET", path, said, query=said)

    async def close(self) -> None:
        """Let the connections go, if they are ours. Twice is once."""
        self._open = False
        session, self._session = self._session, None
        if session is not None and self._owns_session:
            await session.close()

    async def _ask(
        self,
        method: str,
        path: str,
        said: Json,
        *,
        body: bytes | None = None,
        query: dict[str, str] | None = None,
    ) -> Json:
        place = (text(said.get("tenant_id")), text(said.get("scope")))
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        if place in self._written:
            headers[AFTER] = self._written[place]
        response, answer = await self._exchange(method, path, params=query, data=body, headers=headers)
        if response.status != 200:
            refusal = _refusal(response.status, response.headers.get("Retry-After", ""), answer)
            if refusal.code == "state_behind":
                # A log that begins anew never gets there: the next request does not ask for it again.
                self._written.pop(place, None)
            raise refusal
        self._remember(place, response.headers.get(AFTER, ""))
        return _object(answer)

    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None,
        data: bytes | None,
        headers: dict[str, str],
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """One request and its whole answer; every failure of the network as our error."""
        if not self._open:
            raise MemfwError("client_closed", "this client was closed")
        if self._session is None:
            self._session = aiohttp.ClientSession()
        try:
            async with self._session.request(
                method,
                f"{self._base}{path}",
                params=params,
                data=data,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                return response, await response.read()
        except TimeoutError:
            raise MemfwError("timeout", "memfw did not answer in time") from None
        except aiohttp.ClientError as error:
            raise MemfwError("unreachable", f"memfw cannot be reached: {type(error).__name__}") from error

    def _remember(self, place: Place, offset: str) -> None:
        """How far the log of a scope is since our last write to it; answers may overtake each other."""
        if offset.isdecimal() and int(offset) > int(self._written.get(place, "0")):
            self._written[place] = offset
            if len(self._written) > MOST_PLACES:
                del self._written[next(iter(self._written))]


def _encoded(body: Json) -> bytes:
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, RecursionError):
        raise MemfwError("body_invalid", "the body cannot be written as JSON in UTF-8") from None


def _object(answer: bytes) -> Json:
    try:
        value = _decoder.decode(answer)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise MemfwError("answer_invalid", "the answer is no JSON object: is this a memfw?")
    return value


def _refusal(status: int, retry_after: str, answer: bytes) -> MemfwAnswerError:
    """The server's one error shape; whatever else answered is known by its status."""
    try:
        body = record(_decoder.decode(answer))
    except (ValueError, RecursionError):
        body = {}
    return MemfwAnswerError(
        status,
        text(body.get("error")) or f"http_{status}",
        text(body.get("message")) or "no message",
        issues=tuple(
            AnswerIssue(text(issue.get("path")), text(issue.get("message")))
            for issue in records(body.get("issues"))
        ),
        retry_after=float(retry_after) if retry_after.isdecimal() else None,
    )
