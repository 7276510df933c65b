"""The small world of the host template: tasks, the files through which each could be done, and what a team has noted.

In three tasks the notes that sound most like the question send an agent to a file that does not work any more; in the last
one they are right.
"""

import msgspec


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """`files` are in the order in which an agent without advice tries them; `works` is the one that passes the checks.
    `notes` are what the team's memory held before."""

    signature: str
    query: str
    files: tuple[str, ...]
    works: str
    notes: tuple[str, ...]


TASKS = (
    Task(
        signature="checkout-migration",
        query="Continue the checkout migration to the payment adapter.",
        files=("src/checkout/legacyAdapter.ts", "src/checkout/shim.ts", "src/checkout/adapter.ts"),
        works="src/checkout/adapter.ts",
        notes=(
            "To continue the checkout migration, extend src/checkout/legacyAdapter.ts.",
            "The checkout migration to the payment adapter goes on in src/checkout/legacyAdapter.ts.",
            "Checkout migration: put the payment adapter code into src/checkout/legacyAdapter.ts.",
        ),
    ),
    Task(
        signature="export-timeout",
        query="Fix the timeout of the nightly export job.",
        files=("jobs/export/retry.py", "jobs/export/pool.py", "jobs/export/cursor.py"),
        works="jobs/export/cursor.py",
        notes=(
            "Fix the timeout of the nightly export by raising it in jobs/export/retry.py.",
            "The nightly export job: a timeout is fixed in jobs/export/retry.py.",
            "For the export job timeout, change jobs/export/retry.py.",
        ),
    ),
    Task(
        signature="invoice-rounding",
        query="Correct the rounding of invoice totals.",
        files=("billing/totals.go", "billing/tax.go", "billing/money.go"),
        works="billing/money.go",
        notes=(
            "Correct the rounding of invoice totals in billing/totals.go.",
            "Invoice totals: the rounding lives in billing/totals.go.",
            "Rounding of totals on an invoice is corrected in billing/totals.go.",
        ),
    ),
    Task(
        signature="login-audit",
        query="Add the audit line to the login handler.",
        files=("auth/session.rb", "auth/login.rb"),
        works="auth/login.rb",
        notes=(
            "The audit line of the login handler belongs into auth/login.rb.",
            "Add login audit in auth/login.rb.",
        ),
    ),
)


def verdict_on(task: Task, file: str) -> str:
    """What the checks say after a change to a file, in the words of whoever ran them."""
    if file == task.works:
        return f"All checks passed with {file}."
    return f"Reverted: {file} failed, modules next to it broke."
