"""Redis's errors as ours: each has a code and a sentence, and none repeats what the server or the library said."""

import pytest
from redis import exceptions as raised

from firewall.log.redis_faults import state_error

SECRET = "planted-secret"


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (raised.OutOfMemoryError(SECRET), "log_full", "OOM"),
        (raised.AuthenticationError(SECRET), "log_unavailable", "password"),
        (raised.NoPermissionError(SECRET), "log_unavailable", "NOPERM"),
        (raised.ReadOnlyError(SECRET), "log_unavailable", "replica"),
        (raised.BusyLoadingError(SECRET), "log_unavailable", "loading"),
        (raised.TryAgainError(SECRET), "log_unavailable", "TRYAGAIN"),
        (raised.ClusterDownError(f"CLUSTERDOWN {SECRET}"), "log_unavailable", "CLUSTERDOWN"),
        (raised.MasterDownError(f"MASTERDOWN {SECRET}"), "log_unavailable", "CLUSTERDOWN"),
        (raised.MovedError("7 host:1"), "log_unavailable", "moved"),
        (raised.AskError("7 host:1"), "log_unavailable", "moved"),
        (raised.TimeoutError(SECRET), "log_unavailable", "in time"),
        (raised.ConnectionError(SECRET), "log_unavailable", "reached"),
        (OSError(SECRET), "log_unavailable", "OSError"),
        (raised.ResponseError(f"ERR ACL failure in script: {SECRET}"), "log_unavailable", "NOPERM"),
        (raised.ResponseError(f"ERR {SECRET}: -OOM command not allowed"), "log_full", "OOM"),
        (raised.ResponseError(f"WRONGTYPE {SECRET}"), "log_format", "another program"),
        (raised.ResponseError(f"NOREPLICAS {SECRET}"), "log_unreplicated", "replicas"),
        (raised.ResponseError(f"MISCONF {SECRET}"), "log_unavailable", "disk"),
        (raised.ResponseError(f"BUSY {SECRET}"), "log_unavailable", "busy"),
        (raised.ResponseError(f"ERR unknown command '{SECRET}'"), "log_unavailable", "Redis 6.2"),
        (raised.ResponseError(f"ERR {SECRET}"), "log_unavailable", "ResponseError"),
    ],
)
def test_causes(error: Exception, code: str, says: str) -> None:
    """By kind, else by what the server's text begins with."""
    found = state_error(error)
    assert found.code == code
    assert says in found.message
    assert SECRET not in found.message
    assert found.status == 503
