"""The translation in front of a scripted server, fresh for each test."""

import pytest

from tests.backends.mem0_scripted import Front, ScriptedServer


@pytest.fixture
def front() -> Front:
    return Front(ScriptedServer())
