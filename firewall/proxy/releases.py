"""The way of one mount's released writes to its upstream, as the review room knows it."""

from firewall.core.events import ScopeKey
from firewall.proxy.holds import principal_of, request_of
from firewall.proxy.pipeline import Pipeline
from firewall.service.review.room import HeldRequest


class Releases:
    """Sends what was held through the mount's own pipeline, past the gate."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    @property
    def injects(self) -> bool:
        """Whether memfw has a credential there, or none is needed."""
        return not self._pipeline.mount.keys_pass

    async def send(self, key: ScopeKey, held: HeldRequest) -> int:
        """The status of the answer. CallerError where it may not be sent any more, UpstreamError where the outcome is
        unknown."""
        principal = principal_of(held, key, self._pipeline.mount.name)
        response = await self._pipeline.send_released(request_of(held), principal, key)
        return response.status
