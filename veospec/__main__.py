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
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from veospec import __version__

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


def _leave(code: int) -> NoReturn:
    """End with what there is to be done at an end, but without giving back the memory piece by piece."""
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody listens any more: Python says so and has a code for it
        sys.exit(code)
    os._exit(code)


if __name__ == "__main__":
    main()
