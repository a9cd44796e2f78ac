"""The author's page, followed to the letter: its commands run in order, its code is the template's."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from drena.api import Context, Limits, Transaction
from drena.testing import ProviderConformance
from repository.tree import ROOT

PAGE = (ROOT / "contrib" / "writing-a-plugin.md").read_text()
LIMIT_S = 240.0
PIP = """#!/bin/sh
# No index here: a package of the page's own is installed from its folder, all others are there already.
[ "$2" = -e ] || exit 0
exec {python} -m pip --disable-pip-version-check install -q --no-deps --no-index --no-build-isolation --target {site} .
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def free_port() -> int:
    """A port nobody listens on, in place of the page's own: two runs must not meet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def desk(tmp_path):
    """A folder that looks like a checkout, and an environment in which `pip` asks no index."""
    (tmp_path / "contrib").symlink_to(ROOT / "contrib")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "pip").write_text(PIP.format(python=sys.executable, site=tmp_path / "site"))
    (tools / "pip").chmod(0o755)
    for name in ("python", "python3"):
        (tools / name).write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (tools / name).chmod(0o755)
    path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DRENA_", "ACME_"))}
    return tmp_path, {**kept, "PATH": path, "PYTHONPATH": str(tmp_path / "site")}


def test_its_commands_lead_to_a_provider_whose_check_is_content(desk):
    folder, environment = desk
    commands = "\n".join(blocks("sh")).replace("python3 -m venv venv && . venv/bin/activate\n", "")
    server = "python tests/fake_api.py 8999 &\n"
    assert server in commands
    waits = "until python -c 'import socket; socket.create_connection((\"127.0.0.1\", 8999))' 2>/dev/null; do :; done\n"
    script = ("set -eu\n" + commands.replace(server, server + waits)).replace("8999", str(free_port()))
    with (
        (folder / "said").open("w+") as written,
        subprocess.Popen(
            ["bash", "-c", script],
            cwd=folder,
            env=environment,
            stdout=written,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            process.wait(LIMIT_S)
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # the server that the page starts in the background
    said = (folder / "said").read_text()
    assert process.returncode == 0, said
    last = said.strip().splitlines()[-1]
    assert last.split()[:3] == ["contmax", "acme", "yes"]
    assert "O token funciona: a primeira página mostra 2 itens." in PAGE
    assert last.endswith("O token funciona: a primeira página mostra 2 itens.")


def test_its_code_is_the_templates(tmp_path):
    template = ROOT / "contrib" / "plugin-template"
    words = ["copy", "--quiet", "--defaults", "--data", "slug=acme", str(template), str(tmp_path / "made")]
    subprocess.run([sys.executable, "-m", "copier", *words], check=True, timeout=LIMIT_S)
    made = "".join(path.read_text() for path in sorted((tmp_path / "made").rglob("*.py")))
    assert blocks("python")
    assert [block for block in blocks("python") if block not in made] == []


def test_it_names_all_that_an_author_may_use():
    offered = {name for kind in (Context, Transaction) for name in dir(kind) if not name.startswith("_")}
    settable = {"settings", "payload", "lane", "base_url", "overlap", "cuts", "backwards", "bad_settings", "prepare"}
    assert settable <= set(dir(ProviderConformance))
    names = {*offered, *Limits.__struct_fields__, *settable}
    assert {name for name in names if not re.search(rf"\b{name}\b", PAGE)} == set()
