"""`POST /v1/memory/govern`: candidates of any memory system in, an admission decision for each out."""
