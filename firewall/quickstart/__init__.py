"""`memfw quickstart`: the execution memory at work, over the real HTTP API, with nothing but the install.

    house           a memfw in this process on a free port of the loopback, its state in memory
    multi_agent     planner, worker, verifier and reviewer of one team, as a story; what the last worker reads
    host_template   a host loop with an agent that does what its prompt says, without memfw and with it
    tasks, agent, notes    the small world in which that loop runs

Everything goes through `firewall.client`, as it would from another machine. Nothing is left behind.
"""
