"""What a newcomer touches first: make, its scripts, and the pages that speak of them."""

from __future__ import annotations

import configparser
import re
import subprocess

import pytest

from repository.tree import ROOT, name_of, projects

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)) - {"setup-demo"}
SCRIPTS = [path for path in sorted((ROOT / ".ci").iterdir()) if path.is_file() and path.suffix != ".py"]


def test_make_help_names_every_target():
    command = ["make", "--no-print-directory", "help"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert {line.split()[0] for line in listed.stdout.splitlines()} == TARGETS


def test_the_readme_or_the_architecture_page_speaks_of_every_target():
    pages = "".join(path.read_text() for path in (ROOT / "README.md", ROOT / "daemon" / "README.md") if path.exists())
    assert {target for target in TARGETS if f"make {target}" not in pages} == set()


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_script_is_executable_and_its_shell_can_read_it(script):
    shell = "bash" if "bash" in script.read_text().splitlines()[0] else "sh"
    assert script.stat().st_mode & 0o111
    subprocess.run([shell, "-n", script], check=True)


def test_the_import_contracts_cover_every_plugin():
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    plugins = {project["name"].replace("-", "_") for folder, project in projects().items() if "plugins" in folder}
    assert plugins <= set(config["importlinter:contract:plugins"]["source_modules"].split())
