"""The evidence log: the only durable truth, and the projections that are folded from it.

    append -> queue -> one writer thread, group commit -> acknowledged -> folded here, followed elsewhere

`codec` turns events into bytes and back; `sqlite*` is the embedded implementation of the port `EvidenceStore`, `redis*` the
one that replicas share, `open` chooses;
`projection` keeps `State` of the served scopes in memory, `snapshot` lets it start quickly. What was acknowledged is on
disk; what cannot be stored is refused with a StateError; what cannot be understood is never half understood.
No call into SQLite ever runs on the event loop. README.md beside this file says what happens when things go wrong.
"""
