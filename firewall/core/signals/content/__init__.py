"""Content: what a memory's own words try to do, or give away.

    detect(text)            pattern tables -> hints -> matches -> used or mentioned -> detections   (the text alone)
    check(candidate, env)   detections of every string that reaches the agent -> findings           (the policy's worth)

`patterns_*` are the tables, by kind and language; `pattern` is their notation. `index` searches all of them at once,
`folding` and `decoding` undo disguises, `mention` tells use from mention, `values` a secret from a placeholder.
Nothing here knows the tenant, the state or the time, so detections may be cached by (`DETECTOR_REVISION`, text).
"""

from firewall.core.signals.content.detect import Detection, detect
from firewall.core.signals.content.signal import check, rest_is_clean
from firewall.core.signals.content.tables import DETECTOR_REVISION

__all__ = ["DETECTOR_REVISION", "Detection", "check", "detect", "rest_is_clean"]
