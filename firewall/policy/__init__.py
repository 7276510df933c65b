"""Policies as people write them: YAML in, one compiled policy out, or every mistake with its place.

    load      files -> CompiledPolicy (names of shipped policies, one file, a directory)
    verify    `*_test.yaml` suites -> verdicts compared with what the author expects
    suite     the format of such a suite
    report    the outcome of suites as text and as JUnit XML
    schema    the JSON schemas that editors use
    reference the tables of policies/README.md
    reload    the policy in force: polled, swapped whole, the last good one kept
    commands  `memfw policy check | test | schema`

What a policy *means* is not here: the model is `core.policy`, its compiled form `core.compiled`, its conditions
`core.expression`. Nothing here decides about a memory.
"""
