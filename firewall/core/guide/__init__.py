"""The guide: what an agent is told before its next step. Pure: everything that it needs is passed in.

    recall (routes of the task, words, procedures)  ->  adjudication  ->  admission  ->  parts  ->  prompt and context

`recall` chooses native evidence for a viewer, `candidates` puts it before the adjudication, together with memory of the
upstreams. `admission` gives each a posture from its execution state; the most severe of that and of the verdict is what
it gets. `parts` says where each stands, `prompt` writes the only text an agent reads, `lines` keeps strangers' words in
their line, `context` and its neighbours make the structured side, `exposure` the record of what was served.

A role orders what is shown and never decides what that is. A blocked memory is named, by id, reason and files, and
never shown. Nothing is left out without being counted.
"""
