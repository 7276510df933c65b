"""Any JSON search API, described instead of programmed: what of it stands where comes from the config.

    mapping    the description, as structs
    pointers   JSON pointers (RFC 6901) in values, and in bytes that are to stay as they are
    filters    owner keys in a request: what it asks for, and how the caller's pin gets in
    asking     request -> plan
    answers    answer -> candidates, row by row or column by column
    rebuild    what is admitted -> the caller's answer, of the upstream's own bytes
    dialect    the port

Only the described reads are governed; nothing is guessed about any other route. What an answer holds around its list of
items goes through as it is, so a description has to name every list that holds memory.
"""

from adapters.http.dialect import HttpDialect
from adapters.http.mapping import (
    HttpMapping,
    HttpOwner,
    HttpRead,
    HttpRecall,
    HttpRoute,
)

__all__ = [
    "HttpDialect",
    "HttpMapping",
    "HttpOwner",
    "HttpRead",
    "HttpRecall",
    "HttpRoute",
]
