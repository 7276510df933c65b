"""`POST /v1/guide`: the pure part is `core.guide`; here are the body, the sources, the exposure and the answer."""
