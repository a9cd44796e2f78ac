"""What the installed `drena` runs, and `python -m drena`."""

from __future__ import annotations

import signal


def start() -> None:
    """Run the command line. Ctrl-C while it is still being loaded ends the process at once, without a traceback."""
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from drena.cli import main  # noqa: PLC0415  # see above

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


if __name__ == "__main__":
    start()
