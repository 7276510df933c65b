"""The URI of a piece of evidence: `aionis://<tenant>/<scope>/<type>/<id>`, and `memfw://` for the same.

A URI names a tenant and a scope, but opens neither: one of another scope than the request's stands for nothing.
"""

from urllib.parse import quote, unquote

from firewall.core.events import ScopeKey

_SCHEMES = ("aionis", "memfw")


def uri_of(key: ScopeKey, node_type: str, node_id: str) -> str:
    """The URI under which this evidence can be asked for."""
    return (
        f"aionis://{'/'.join(quote(part, safe='') for part in (key.tenant, key.scope, node_type, node_id))}"
    )


def id_of_uri(key: ScopeKey, uri: str) -> str | None:
    """The id that a URI of this scope names; None for every other text."""
    scheme, separator, rest = uri.partition("://")
    parts = rest.split("/")
    if not separator or scheme not in _SCHEMES or len(parts) != 4:
        return None
    tenant, scope, _, node_id = (unquote(part) for part in parts)
    return node_id if (tenant, scope) == (key.tenant, key.scope) else None
