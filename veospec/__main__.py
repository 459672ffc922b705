"""The program's door: what can be answered before anything heavy is imported, then the commands."""

from __future__ import annotations

import atexit
import gc
import os
import sys

TYPE_CHECKING = False  # that of `typing` costs more to import than all of this
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> None:
    """Run veospec with the arguments of the process and leave with one of the exit codes of `veospec.errors.Exit`."""
    _hold_places()
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from veospec import __version__

        if sys.stdout is not None:  # it was closed before we began
            sys.stdout.write(f"veospec {__version__}\n")
        return
    question = None
    if arguments[:1] in (["plan"], ["apply"]):
        from veospec import quick

        said = quick.answer(arguments)
        if isinstance(said, int):
            sys.exit(said)
        question = quick.Question(arguments, edit=said)
    gc.disable()  # what is imported stays: walking it again and again is a tenth of starting
    from veospec.cli.boundary import run

    gc.freeze()
    gc.enable()
    _leave(run(arguments, question))


def _hold_places() -> None:
    """Let no file of ours get the number of a stream that was closed: what a library says there would go into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number is this one


def _leave(code: int) -> NoReturn:
    """End with what there is to be done at an end, but without giving back the memory piece by piece.

    Nothing waits for threads here: whoever starts one joins it.
    """
    try:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):  # nobody listens any more: Python says so and has a code for it
        sys.exit(code)
    os._exit(code)


if __name__ == "__main__":
    main()
