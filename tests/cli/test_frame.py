"""The frame of the command line."""


def test_help_keeps_the_lines_of_the_first_steps(dms):
    shown = dms("--help")

    assert shown.code == 0
    assert "  dms migrate                 make or update the installation in the data folder\n" in shown.out
    assert "\\b" not in shown.out
