"""Lines of progress, into a job's log and onto the terminal."""

from __future__ import annotations

import os


class Progress:
    """Writes lines to standard error as it was when this was made, and prints them.

    Made before a job's output is sent to its log, it still reaches the terminal.
    """

    def __init__(self) -> None:
        self.terminal = os.dup(2)

    def __call__(self, line: str) -> None:
        """Write a line to the terminal and, by printing it, to the log."""
        print(line, flush=True)
        try:
            os.write(self.terminal, f"{line}\n".encode())
        except OSError:  # a closed terminal is no reason to stop computing
            self.terminal = os.open(os.devnull, os.O_WRONLY)
