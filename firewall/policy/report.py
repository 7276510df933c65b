"""The outcome of policy suites, for a person and for a build server."""

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from firewall.policy.verify import SuiteResult

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_text(results: Sequence[SuiteResult]) -> str:
    """One line a suite, the failed cases under it, a total at the end."""
    lines: list[str] = []
    for result in results:
        verdict = f"{result.failed} of {len(result.cases)} failed" if result.failed else "ok"
        lines.append(f"{result.file} [{result.policy}]: {verdict} ({_count(len(result.cases), 'case')})")
        for case in result.cases:
            if case.failures:
                lines.append(f"  FAILED {case.name}")
                lines += [f"    {failure}" for failure in case.failures]
    failed = sum(result.failed for result in results)
    total = sum(len(result.cases) for result in results)
    lines.append(f"{_count(len(results), 'suite')}, {_count(total, 'case')}, {failed} failed")
    return "\n".join(lines) + "\n"


def as_junit(results: Sequence[SuiteResult]) -> str:
    """JUnit XML as build servers read it; no times, because they would be no fact of the policy."""
    failed = sum(result.failed for result in results)
    total = sum(len(result.cases) for result in results)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<testsuites name="memfw policy test" tests="{total}" failures="{failed}" errors="0">',
    ]
    for result in results:
        lines.append(
            f"  <testsuite name={_attribute(result.file)} tests={_attribute(str(len(result.cases)))}"
            f' failures="{result.failed}" errors="0">'
        )
        for case in result.cases:
            opening = f"    <testcase classname={_attribute(result.file)} name={_attribute(case.name)}"
            if not case.failures:
                lines.append(f"{opening}/>")
                continue
            body = escape(_printable("\n".join(case.failures)))
            lines += [
                f"{opening}>",
                f"      <failure message={_attribute(case.failures[0])}>{body}</failure>",
                "    </testcase>",
            ]
        lines.append("  </testsuite>")
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _printable(text: str) -> str:
    """Without what XML has no way to write."""
    return _NOT_XML.sub("\ufffd", text)


def _attribute(text: str) -> str:
    return quoteattr(_printable(text))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
