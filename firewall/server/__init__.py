"""The HTTP face: native routes under `/v1`, the mounts of the upstreams, health, metrics, one error shape.

This room knows HTTP and nothing else decides here: it authenticates, parses, calls a use case and encodes.
"""
