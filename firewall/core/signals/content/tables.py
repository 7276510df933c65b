"""All tables as one, in a fixed order. A new table module is added here and nowhere else."""

import hashlib

from firewall.core.signals.content import (
    patterns_encoding,
    patterns_exfiltration,
    patterns_injection,
    patterns_languages_latin,
    patterns_languages_wide,
    patterns_markup,
    patterns_pii,
    patterns_procedure,
    patterns_secret,
)
from firewall.core.signals.content.pattern import Pattern

PATTERNS: tuple[Pattern, ...] = (
    *patterns_injection.PATTERNS,
    *patterns_languages_latin.PATTERNS,
    *patterns_languages_wide.PATTERNS,
    *patterns_exfiltration.PATTERNS,
    *patterns_procedure.PATTERNS,
    *patterns_secret.PATTERNS,
    *patterns_markup.PATTERNS,
    *patterns_pii.PATTERNS,
    *patterns_encoding.PATTERNS,
)

#: Counted up when the code around the tables changes what it finds; the tables speak for themselves.
_CODE_REVISION = 1

DETECTOR_REVISION: str = f"{_CODE_REVISION}-" + hashlib.sha256(repr(PATTERNS).encode()).hexdigest()[:12]
"""What a cache of detections is keyed by, besides the text."""
