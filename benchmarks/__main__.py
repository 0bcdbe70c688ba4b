"""`make bench`: every benchmark, one after the other, as Markdown tables for docs/benchmarks.md."""

from __future__ import annotations

from benchmarks import bench_import, page


def main() -> None:
    """Run and print them all."""
    print("## A page of 50 Documents\n")
    print(page.table(page.run()))
    print("\n## Import\n")
    print(bench_import.table(bench_import.run()))


if __name__ == "__main__":
    main()
