"""memfw, a memory firewall: related memory becomes governed state before it influences action.

    evidence log  ->  projection  ->  adjudication  ->  receipt
    (what happened)   (state now)     (pure function)   (why, verifiable)

    wire -> dialect -> candidates -> adjudicate -> receipt -> wire

The rooms, and what may import what (high to low; the import contracts in pyproject.toml hold it):

    cli, demo, quickstart    the command line, the demonstration, the execution memory at work
    commands     what an operator runs: audit, backup, erase, keys, principals, quarantine
    client       the Python client of the native API; imports none of the other rooms
    serve        listen, and leave in order; workers, shared_port, lifeline: several of it behind one port
    bootstrap    the composition root: one list of what is wired
    mounts       its part that makes the upstreams of the config, the only importer of adapters
    callers, admin_token    its part that makes principals and limits of the config
    server       native HTTP API, health, metrics endpoint
    proxy        enforcement point for drop-in traffic: pipeline, upstream transport, limits
    adapters     (a package beside this one) the dialects: pure codecs of other people's wires
    service      the use cases, no HTTP types
    log          the evidence log: SQLite or Redis, projections, snapshots, followers, the audit chain, retention
    policy       YAML -> Policy, with every error at once; suites; hot reload
    keyfile, tls    the key ring's file; certificates
    config       the settings; metrics, jsonlog: what is told to operators; keyring: what is derived from its keys
    yaml_source, model_tree    files that a person wrote, with the place of every mistake
    ports        what the rooms ask of each other
    core         pure: the words, the signals, the ladder, adjudicate, receipt, state
    errors       three families: the caller's, the upstream's, the configuration's
"""
