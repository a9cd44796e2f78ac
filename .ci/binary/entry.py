"""What the binary runs: the command line, or, asked as an interpreter is (`-P -m MODULE …`), that module of the bundle.

The demo starts its processes by `sys.executable`, which in a bundle is the binary itself.
"""

import runpy
import sys

if sys.argv[1:3] == ["-P", "-m"]:
    del sys.argv[1:3]
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
else:
    from drena.__main__ import start

    start()
