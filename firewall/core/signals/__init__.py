"""Signals: pure facts about one candidate, or about one answer. Each is a small module with its own cases.

A signal is `check(candidate, env) -> Finding | None` (or several findings); it never decides, it says what it found
and what that is worth. The most severe finding wins in `core.adjudicate`.
"""
