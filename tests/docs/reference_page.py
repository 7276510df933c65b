"""Makes firewall/REASONS.md from the tables in the code. Write it anew with `python -m tests.docs.reference_page`."""

from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from firewall.core.reasons import REASONS
from firewall.instruments import Tally, Timing
from firewall.metrics import Metrics
from firewall.server.use_cases import USE_CASES

PAGE = Path(__file__).parents[2] / "firewall" / "REASONS.md"

_HEAD = """\
# Reasons, metrics and routes

This page is made from the code by `python -m tests.docs.reference_page`, and a test holds it to that.

## Reason codes

A reason is a code, or `code:detail`. It stands in the `firewall` object, in receipts and in the answer of
`POST /v1/memory/govern`. Where the detail is one of a small set of names, it is part of the metric label too; an id
never is.

"""

_METRICS = """
## Metrics

`GET /metrics`, in the Prometheus text format. Label values come from bounded sets: mounts of the config (`govern` for
`POST /v1/memory/govern`, `native` for the native routes), route patterns, reason codes, rules of the policy.

"""

_ROUTES = """
## Routes

| route | what it gives |
| --- | --- |
| `GET /healthz` | 200 while the process answers |
| `GET /readyz` | 200 while it can govern; 503 with `reasons` while draining and while the evidence log cannot be written |
| `GET /metrics` | the metrics above |
| `POST /v1/memory/govern` | an admission decision for each memory of a request |
| `GET /v1/decisions/{decision_id}` | the receipt behind a `Memfw-Decision-Id` |
| `GET /v1/policy` | the policy in force, with its revision and every default filled in |
| `GET /v1/routes` | every native route that this process serves |
%s| `/<name>/...` | the upstream of that name in the config, governed: see [adapters/README.md](../adapters/README.md) |

Errors of the native routes have one shape: `{"status", "error", "message", "details": {"contract": "error_v1"}}`, and
`issues` with a `path` and a `message` each where a body does not fit. An upstream's routes fail in that upstream's shape.
"""


def page() -> str:
    """The whole page."""
    return _HEAD + _reasons() + _METRICS + _metrics() + _ROUTES % _use_cases()


def _use_cases() -> str:
    return "".join(f"| `{row.method} {row.path}` | {row.says} |\n" for row in USE_CASES)


def _reasons() -> str:
    lines = ["| code | meaning | detail in metrics |", "| --- | --- | --- |"]
    lines += [f"| `{code.head}` | {code.sentence} | {'yes' if code.bounded else 'no'} |" for code in REASONS]
    return "\n".join(lines) + "\n"


def _metrics() -> str:
    lines = ["| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
    for instrument in vars(Metrics()).values():
        if isinstance(instrument, MetricWrapperBase | Tally | Timing):
            (family,) = instrument.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            names = (
                instrument._labelnames
                if isinstance(instrument, MetricWrapperBase)
                else instrument.label_names
            )
            labels = " ".join(f"`{label}`" for label in names)
            lines.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
