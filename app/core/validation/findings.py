"""Findings: what a check found, with its place, a plain sentence and, where one is safe, a fix; counted and bounded."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# Severities, worst first, as pages call them.
SEVERITIES = {"error": "Must fix", "warning": "Look at", "hint": "Hint"}

# Mends that change nothing but what is wrong, by the name that a finding gives.
FIXES = {
    "strip-bom": "Take the byte-order mark away.",
    "add-bom": "Begin the file with a byte-order mark.",
    "to-utf-8": "Save the file as UTF-8.",
    "to-jsonl": "Write one record a line.",
    "unpack": "Unpack the file.",
    "drop-blank-lines": "Take the blank lines away.",
    "drop-repeats": "Keep one of the rows that are equal.",
    "drop-key": "Leave the key out.",
    "null-to-empty": 'Write "" in place of null.',
    "weight-to-number": "Write the weight as 0 or 1.",
    "arguments-to-text": "Write the arguments as JSON text.",
    "arguments-to-object": "Write the arguments as an object.",
    "tools-to-text": "Write the tools as JSON text.",
    "tools-to-list": "Write the tools as a list.",
    "join-results": "Join the results of parallel calls in one message.",
    "drop-message": "Leave the empty message out.",
    "join-messages": "Join what one speaker says in a row in one message.",
    "drop-trailing": "Leave out the messages after the last answer.",
    "to-messages": "Write the text as a list with one message.",
}


class Finding(NamedTuple):
    """One thing that was found. ``path`` leads to it inside its row (``messages[2].content``), empty for all of it.

    ``record`` and ``line`` count from 1 and are None where the file as a whole is meant. ``profile`` is empty where the
    check belongs to none.
    """

    code: str
    severity: str
    message: str
    path: str = ""
    record: int | None = None
    line: int | None = None
    fix: str | None = None
    profile: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The finding as programs see it."""
        return self._asdict()


@dataclass(slots=True)
class Findings:
    """Exact counts of all findings, and for each severity the first ``limit`` of them. ``told`` hears of each."""

    limit: int = 100
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    listed: dict[str, list[Finding]] = field(default_factory=lambda: {severity: [] for severity in SEVERITIES})
    told: Callable[[Finding], None] | None = None

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it while there is room."""
        self.counts[finding.profile, finding.severity, finding.code] += 1
        kept = self.listed[finding.severity]
        if len(kept) < self.limit:
            kept.append(finding)
        if self.told is not None:
            self.told(finding)

    def number(self, severity: str, profile: str | None = None) -> int:
        """How many there are of a severity, of all profiles or of one."""
        return sum(
            number for (owner, said, _), number in self.counts.items() if said == severity and profile in (None, owner)
        )

    def first(self) -> list[Finding]:
        """At most ``limit`` findings: the worst first, those of the file before those of its records."""
        found = [
            one for severity in SEVERITIES for one in sorted(self.listed[severity], key=lambda one: one.record or 0)
        ]
        return found[: self.limit]

    def by_code(self, titles: Mapping[str, str]) -> list[dict[str, Any]]:
        """Each profile's rules that found something, worst and most frequent first."""
        order = list(SEVERITIES)
        found = sorted(self.counts.items(), key=lambda one: (order.index(one[0][1]), -one[1], one[0]))
        return [
            {
                "profile": profile,
                "code": code,
                "title": titles.get(code, code),
                "severity": severity,
                "findings": number,
            }
            for (profile, severity, code), number in found
        ]
