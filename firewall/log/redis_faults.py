"""Redis's errors as ours, mapped once. A message is our own sentence and never what the server or the library said:
that may hold keys, user names or addresses.

Codes: `log_full`, `log_format`, `log_unavailable`, `log_unreplicated`, `log_rewound`.
"""

from redis import exceptions as raised

from firewall.errors import StateError

RETRY = "the outcome is unknown: retry with the operation id"

#: The first that fits; subclasses stand before what they are made of.
_CAUSES: tuple[tuple[type[Exception], str, str], ...] = (
    (raised.OutOfMemoryError, "log_full", "the store's memory is full (OOM)"),
    (raised.NoPermissionError, "log_unavailable", "the store's ACL forbids a command, key or channel (NOPERM)"),
    (raised.BusyLoadingError, "log_unavailable", "the store is still loading its data (LOADING)"),
    (raised.AuthenticationError, "log_unavailable", "the store does not accept our name and password (NOAUTH or WRONGPASS)"),
    (raised.ReadOnlyError, "log_unavailable", "the store's server is a replica and takes no writes (READONLY)"),
    (raised.TryAgainError, "log_unavailable", "the store is moving the shard (TRYAGAIN)"),
    (raised.ClusterDownError, "log_unavailable", "the store's cluster is down for this shard (CLUSTERDOWN)"),
    (raised.AskError, "log_unavailable", "the store has moved the shard (MOVED)"),
    (raised.TimeoutError, "log_unavailable", "the store did not answer in time"),
    (raised.ConnectionError, "log_unavailable", "the store cannot be reached"),
)  # fmt: skip
_BY_TEXT: tuple[tuple[str, str, str], ...] = (
    ("OOM command not allowed", "log_full", "the store's memory is full (OOM)"),  # out of a script, before Redis 7
    ("ACL failure", "log_unavailable", "the store's ACL forbids a command, key or channel (NOPERM)"),
    ("WRONGTYPE", "log_format", "the keys under the prefix belong to another program (WRONGTYPE)"),
    ("NOREPLICAS", "log_unreplicated", "the store has too few replicas for writes (NOREPLICAS)"),
    ("MISCONF", "log_unavailable", "the store cannot write to its disk and refuses writes (MISCONF)"),
    ("UNKILLABLE", "log_unavailable", "the store is busy with a script (BUSY)"),
    ("BUSY", "log_unavailable", "the store is busy with a script (BUSY)"),
    ("unknown command", "log_unavailable", "the store does not know a command: Redis 6.2 or newer is needed"),
    ("wrong number of arguments for 'auth'", "log_unavailable", "the store does not accept our name and password"),
    ("AUTH <password> called without", "log_unavailable", "the store has no password, but one was given"),
)  # fmt: skip


def state_error(error: Exception) -> StateError:
    """Our error for one of Redis's or of the connection's."""
    for kind, code, sentence in _CAUSES:
        if isinstance(error, kind):
            return StateError(code, sentence)
    text = str(error)
    for part, code, sentence in _BY_TEXT:
        if part in text:
            return StateError(code, sentence)
    return StateError("log_unavailable", f"the store failed ({type(error).__name__})")


def rewound() -> StateError:
    """The store came back without what was already seen."""
    return StateError(
        "log_rewound", "the store lost records that were already seen (a failover or a rollback)"
    )


def damaged() -> StateError:
    """Something under our keys is not what we put there."""
    return StateError("log_format", "an entry of the store cannot be read")
