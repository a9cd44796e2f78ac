"""What the installed `drena` runs, and `python -m drena`."""

from __future__ import annotations

import gc
import signal


def start() -> None:
    """Run the command line. Ctrl-C while it is still being loaded ends the process at once, without a traceback.

    The garbage collector rests until a command runs: next to nothing that imports make is garbage, and to look for it
    again and again is a tenth of a start.
    """
    gc.disable()
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from drena.cli import main  # noqa: PLC0415  # see above

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


if __name__ == "__main__":
    start()
