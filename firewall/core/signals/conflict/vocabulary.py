"""The words that tell a value from a number, a state from an event, a correction from a report. Data only."""

LINKS = frozenset(
    ["is", "are", "=", "equals", "es", "son", "ist", "sind", "est", "sont", "é", "são", "isn't", "aren't"]
)
MOVED = frozenset(
    [
        "set",
        "updated",
        "update",
        "changed",
        "moved",
        "bumped",
        "raised",
        "lowered",
        "upgraded",
        "pinned",
        "limited",
        "migrated",
        "switched",
    ]
)
PLACED = frozenset(
    [
        "runs",
        "run",
        "running",
        "listens",
        "listen",
        "listening",
        "hosted",
        "lives",
        "served",
        "available",
        "reachable",
        "starts",
        "exposed",
        "deployed",
    ]
)
TAKES = frozenset(
    [
        "uses",
        "use",
        "using",
        "requires",
        "require",
        "needs",
        "need",
        "costs",
        "cost",
        "weighs",
        "expects",
        "equals",
        "pins",
    ]
)
#: Nouns that hold one value at a time.
ATTRIBUTES = frozenset(
    [
        "port", "version", "base", "url", "uri", "endpoint", "host", "timeout", "limit", "api", "max", "maximum", "min", "minimum", "default",
        "size", "count", "rate", "ttl", "interval", "replicas", "region", "price", "budget", "deadline", "address", "path", "threshold",
        "puerto", "porta", "versión", "versão", "release", "端口", "版本", "ポート", "バージョン", "timezone", "retries", "quota", "capacity",
    ]
)  # fmt: skip
SOFTWARE = frozenset(
    [
        "node",
        "python",
        "java",
        "go",
        "ruby",
        "php",
        "postgres",
        "postgresql",
        "mysql",
        "redis",
        "ubuntu",
        "debian",
        "kubernetes",
        "react",
        "django",
        "rails",
        "typescript",
    ]
)
#: What is counted up, not stated: two of them are two things.
NUMBERED = frozenset(
    ["order", "ticket", "invoice", "tracking", "case", "confirmation", "reference", "issue", "pr", "serial", "id", "sku", "booking", "flight", "reservation", "step", "chapter", "page", "item", "room", "task"]
)  # fmt: skip
DATED = frozenset(
    [
        "today",
        "yesterday",
        "tomorrow",
        "tonight",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "week",
        "month",
        "ago",
        "morning",
    ]
)
FILLER = frozenset(
    [
        "the",
        "a",
        "an",
        "our",
        "your",
        "now",
        "currently",
        "still",
        "please",
        "note",
        "that",
        "correction",
        "update",
        "already",
        "actually",
        "always",
        "about",
        "approximately",
        "just",
    ]
)
AUXILIARY = frozenset(
    [
        "do",
        "does",
        "did",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "has",
        "have",
        "had",
        "can",
        "could",
        "will",
        "would",
        "should",
        "must",
        "any",
        "more",
        "anymore",
    ]
)
CORRECTING = frozenset(
    [
        "correction",
        "corrected",
        "updated",
        "update",
        "changed",
        "moved",
        "bumped",
        "migrated",
        "switched",
        "to",
        "from",
        "earlier",
        "previous",
        "old",
        "prior",
        "former",
        "note",
        "notes",
        "is",
        "was",
        "are",
        "were",
        "wrong",
        "incorrect",
        "outdated",
        "invalid",
        "obsolete",
        "superseded",
        "memory",
        "statement",
        "it",
        "this",
        "not",
        "instead",
        "of",
        "value",
        "on",
        "at",
        "and",
        "in",
        "entry",
    ]
)
SWITCHES: dict[str, tuple[str, bool]] = {
    "enabled": ("<enabled>", True), "disabled": ("<enabled>", False), "allowed": ("<allowed>", True), "forbidden": ("<allowed>", False),
    "prohibited": ("<allowed>", False), "required": ("<required>", True), "optional": ("<required>", False), "supported": ("<supported>", True),
    "unsupported": ("<supported>", False), "active": ("<active>", True), "inactive": ("<active>", False), "true": ("<true>", True),
    "false": ("<true>", False), "yes": ("<true>", True), "no": ("<true>", False), "on": ("<on>", True), "off": ("<on>", False),
}  # fmt: skip
#: These words say yes or no only where a link or a colon stands before them.
AFTER_LINK = frozenset(["on", "off", "yes", "no", "true", "false"])
DENIALS = frozenset(["not", "never", "cannot"])
