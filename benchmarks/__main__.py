"""`make bench`: every benchmark, one after the other, as Markdown tables for docs/benchmarks.md."""

from __future__ import annotations

import sys

from benchmarks import bench_access, bench_import, page


def main() -> None:
    """Run and print them all, or only access with options of its own."""
    if sys.argv[1:2] == ["access"]:
        bench_access.main(sys.argv[2:])
        return
    print("## A page of 50 Documents\n")
    print(page.table(page.run()))
    print("\n## Import\n")
    print(bench_import.table(bench_import.run()))
    print("\n## Access at scale\n")
    bench_access.main()


if __name__ == "__main__":
    main()
