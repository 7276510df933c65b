"""The pure core: values in, values out.

    candidates + context + projection + policy + now  ->  adjudicate  ->  verdicts + receipt

Nothing here does I/O, reads a clock, makes an id, logs or keeps a global. `now` and ids are passed in.
`model` holds the words; `signals/` the facts about one candidate or one answer; `ladder` the admission ladder of
the modes; `adjudicate` joins them, the most severe wins; `state` folds the evidence log into a projection.
"""
