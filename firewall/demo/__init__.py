"""`memfw demo`: one real Mem0, asked twice by the same unchanged client: straight, and through memfw.

Everything runs in this process on loopback: the Mem0 (in memory, no network, no model), a plain front that speaks the
platform's protocol to it, and the sidecar in front of that. The table shows what an agent would have got either way.
"""
