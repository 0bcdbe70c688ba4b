"""Carry the risk levels of NARA's preservation plan over into `dms/rules/formatrisks.py`.

`python tools/formatrisks.py NARA_PreservationActionPlan_FileFormats_20260320.csv > dms/rules/formatrisks.py`
"""

from __future__ import annotations

import csv
import re
import sys
import textwrap
from pathlib import Path

LEVELS = {"Low Risk": "LOW", "Moderate Risk": "MODERATE", "High Risk": "HIGH"}
ORDER = ("LOW", "MODERATE", "HIGH")
PUID = re.compile(r"(?:x-)?fmt/\d+")
HEAD = '''"""How likely a format is to become unreadable: the risk levels of the preservation plan of NARA.

Source: U.S. National Archives and Records Administration, Digital Preservation Framework, Preservation Action
Plan, `{source}` (public domain).
Of formats that the plan names twice the higher level counts. Made by `tools/formatrisks.py`.
"""

from __future__ import annotations

from enum import StrEnum


class FormatRisk(StrEnum):
    """How likely a format is to become unreadable."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"

'''
TAIL = '''
_RISKS = {
    f"{prefix}/{number}": risk
    for risk, by_prefix in (
        (FormatRisk.LOW, {"fmt": _LOW, "x-fmt": _X_LOW}),
        (FormatRisk.MODERATE, {"fmt": _MODERATE, "x-fmt": _X_MODERATE}),
        (FormatRisk.HIGH, {"fmt": _HIGH, "x-fmt": _X_HIGH}),
    )
    for prefix, numbers in by_prefix.items()
    for number in numbers.split()
}


def risk_of(format_id: str | None) -> FormatRisk | None:
    """Return the risk of a format by its identifier of PRONOM; None if the plan does not name it."""
    return None if format_id is None else _RISKS.get(format_id)
'''


def main(path: Path) -> None:
    """Read the plan, print the module."""
    risks: dict[str, str] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            for puid in PUID.findall(row["PRONOM URL"]):
                found = [LEVELS[row["NARA Risk Level"]], risks.get(puid, "LOW")]
                risks[puid] = max(found, key=ORDER.index)
    print(HEAD.format(source=path.name))
    for level in ORDER:
        for prefix, name in (("fmt", level), ("x-fmt", f"X_{level}")):
            numbers = [
                int(puid.split("/")[1])
                for puid in risks
                if puid.startswith(f"{prefix}/") and risks[puid] == level
            ]
            words = " ".join(map(str, sorted(numbers)))
            print(f'_{name} = """\n{textwrap.fill(words, 108)}\n"""')
    print(TAIL, end="")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
