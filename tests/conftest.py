"""What every test run needs before anything is imported: a Mem0 that phones nobody and writes nowhere."""

import os
import tempfile

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Mem0 reads its environment when it is imported, and httpx takes proxies from there."""
    settings = tempfile.TemporaryDirectory(prefix="memfw-tests-")
    config.add_cleanup(settings.cleanup)
    os.environ.update(MEM0_TELEMETRY="false", MEM0_DIR=settings.name, NO_PROXY="127.0.0.1,localhost")
