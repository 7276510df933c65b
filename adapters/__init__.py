"""Dialects: one pure codec an upstream. An adapter imports `firewall.core`, `firewall.errors` and `firewall.ports` only,
and never another adapter."""
