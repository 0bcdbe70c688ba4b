"""Progress: a bar that overwrites itself on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

from dms.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_terminal_gets_a_bar_for_each_step_that_ends_full():
    stream = Terminal()
    progress = Progress(stream)

    for done in range(1, 5):
        progress.tell("documents", done, 4)
    progress.tell("store", 7, None)
    progress.end()

    lines = [line.split("\r")[-1] for line in stream.getvalue().split("\n")]
    assert lines == [
        "documents      [########################] 4/4\x1b[K",
        "store          7\x1b[K",
        "",
    ]
    assert stream.getvalue().startswith("\rdocuments      [######..................] 1/4\x1b[K")


def test_elsewhere_each_step_leaves_one_line_when_it_is_quick():
    stream = io.StringIO()
    progress = Progress(stream)

    for done in range(1, 5):
        progress.tell("documents", done, 4)
    progress.tell("store", 7, None)
    progress.end()
    progress.end()

    assert stream.getvalue() == "documents: 4 of 4\nstore: 7\n"


def test_more_than_was_counted_moves_the_total():
    stream = io.StringIO()
    progress = Progress(stream)

    progress.tell("log", 9, 7)
    progress.end()

    assert stream.getvalue() == "log: 9 of 9\n"
