"""The real mem0ai clients, with only `host=` changed, through memfw in front of the recorded platform."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from mem0 import AsyncMemoryClient, MemoryClient
from mem0.client.utils import APIError  # noqa: F401  the package's own error module must import

from tests.backends.mem0_calls import perform
from tests.backends.mem0_double import PLATFORM_2, platform_double, recordings
from tests.sidecar import KEYS, principals, sidecar

CALLS = [recording for recording in recordings(PLATFORM_2) if recording.name != "constructor"]
#: Refused for everyone: a Python literal in a query says nothing that a server could be trusted to understand.
REFUSED = {"delete_all(options.filters)"}


def _config(url: str) -> dict[str, object]:
    return {
        "upstreams": {"mem0": {"dialect": "mem0", "flavor": "platform", "url": url}},
        "principals": principals("agent", "admin"),
    }


def _without_firewall(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: kept for name, kept in value.items() if name != "firewall"}
    return value


def _make_all(client: Any) -> dict[str, object]:
    """Every recorded call, made again: its value, or the name of its error."""
    results: dict[str, object] = {}
    for call in CALLS:
        try:
            results[call.name] = perform(client, call)
        except Exception as error:  # noqa: BLE001  the name of whatever the client raises is the result
            results[call.name] = type(error).__name__
    return results
