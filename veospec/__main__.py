"""The program's door: answers `--version` before anything heavy is imported, then hands over to the commands."""

from __future__ import annotations

import sys


def main() -> None:
    """Run veospec with the arguments of the process and leave with one of the exit codes of `veospec.errors.Exit`."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from veospec import __version__

        sys.stdout.write(f"veospec {__version__}\n")
        return
    from veospec.cli.boundary import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
