"""`make bench`: every benchmark, one after the other, as Markdown tables for docs/benchmarks.md."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from benchmarks import (
    askinglog,
    bench_access,
    bench_import,
    content,
    disposal,
    extraction,
    operations,
    page,
    peer,
    prices,
    reclassing,
    recording,
    retention,
    scheduleimporting,
    schedules,
    stages,
    verifying,
)


def main() -> None:
    """Run and print them all, or one of those that take options of their own."""
    alone = {
        "access": bench_access.main,
        "asking": askinglog.main,
        "content": content.main,
        "disposal": disposal.main,
        "extraction": extraction.main,
        "operations": operations.main,
        "peer": peer.main,
        "prices": prices.main,
        "reclassing": reclassing.main,
        "recording": recording.main,
        "retention": retention.main,
        "scheduleimporting": scheduleimporting.main,
        "schedules": schedules.main,
        "stages": stages.main,
        "search": _search,
        "verifying": verifying.main,
    }
    if sys.argv[1:2] and sys.argv[1] in alone:
        alone[sys.argv[1]](sys.argv[2:])
        return
    print("## A page of 50 Documents\n")
    print(page.table(page.run()))
    print("\n## Operations\n")
    operations.main()
    print("\n## Stages of a request\n")
    stages.main()
    print("\n## Import\n")
    print(bench_import.table(bench_import.run()))
    print("\n## Content\n")
    content.main([])
    print("\n## Contents read\n")
    extraction.main([])
    print("\n## Recording\n")
    recording.main()
    print("\n## Verifying the log\n")
    print(verifying.table(verifying.run()))
    print("\n## Access at scale\n")
    bench_access.main()
    print("\n## What a point buys\n")
    prices.main([])
    print("\n## An auditor's questions\n")
    askinglog.main([])
    print("\n## Due days\n")
    retention.main([])
    print("\n## Classing many\n")
    reclassing.main([])
    print("\n## Retention schedules\n")
    schedules.main()
    print("\n## Search\n")
    if find_spec("tantivy"):
        _search([])
    else:
        print("left out: it needs `pip install tantivy`")


def _search(arguments: list[str]) -> None:
    from benchmarks import search  # noqa: PLC0415  it needs tantivy, which nothing else does

    search.main(arguments)


if __name__ == "__main__":
    main()
