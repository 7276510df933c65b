"""Measuring: what memory did for one run, computed from what was recorded and from nothing that a caller claims.

    exposure + feedback + state  ->  trial        what was served, used, borne out (`trial`)
    trial                        ->  observation  numbers, with and without history (`recorded`, `observation`)
    observation                  ->  kernels      four scores, their statuses and labels (`kernels`)
    trial                        ->  assessment   whether the evidence suffices (`assessment`)
    all of it                    ->  report       the effect report (`effect`), its training candidates (`training`)
    trial, positive kernels      ->  skill        a candidate for review (`skills`)

Pure: no clock, no ids, no I/O. Same inputs, same report.
"""
