"""Personal data: the ordinary content of a memory, so it is counted and, unless a policy says so, not withheld."""

from firewall.core.signals.content.pattern import Check, Pattern, exact

CARD = r"«\b[2-6]\d{3}[ -]?\d{4}»(?:[ -]?\d{4}[ -]?\d{1,7}|\d{2}[ -]?\d{4,5})\b"

PATTERNS: tuple[Pattern, ...] = (
    *exact(
        "pii",
        "email",
        0.95,
        Check.always,
        r"[A-Za-z0-9._%+-]{1,64}«@[A-Za-z0-9-]»[A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}\b",
    ),
    *exact(
        "pii",
        "phone",
        0.8,
        Check.always,
        r"«\+\d{1,3}[ .-]?\(?\d»\d{0,3}\)?(?:[ .-]?\d{2,5}){2,5}\b",
        r"(?:\(\d{3}\) ?|\b\d{3}[ .-])\d{3}[ .-]\d{4}\b",
    ),
    *exact("pii", "card", 0.9, Check.card, CARD),
    *exact(
        "pii",
        "iban",
        0.85,
        Check.always,
        r"«\b[A-Z]{2}\d{2} ?[A-Z0-9]{4}» ?(?:[A-Z0-9]{4} ?){2,6}[A-Z0-9]{1,4}\b",
    ),
    *exact("pii", "ssn", 0.8, Check.always, r"\b\d{3}-\d{2}-\d{4}\b"),
)
