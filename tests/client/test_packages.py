"""The two npm packages: their units, their types, and what npm would publish."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from client.workshop import CONTRIB, HERE, NPM, PACKAGES

if TYPE_CHECKING:
    from pathlib import Path

    from client.workshop import Workshop

LIMIT_S = 120


def test_the_clients_units_pass_on_nodes_own_test_runner(node: str):
    run_units(node, CONTRIB / "drena-client")


@pytest.mark.parametrize("react", ["react18", "react19"])
def test_the_hooks_units_pass_on_nodes_own_test_runner(workshop: Workshop, tmp_path: Path, react: str):
    package = tmp_path / "drena-react"
    shutil.copytree(CONTRIB / "drena-react", package)
    workshop.with_packages(package, react)
    run_units(workshop.node, package)


def run_units(node: str, package: Path) -> None:
    """Run the tests of a package; what they say is shown when one fails."""
    files = sorted((package / "tests").glob("*.test.js"))
    command = [node, "--test", *map(str, files)]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    passed = re.search(r"^(?:# |ℹ )pass (\d+)$", done.stdout, re.MULTILINE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert passed is not None, done.stdout
    assert int(passed[1]) > 0


@pytest.mark.parametrize("name", PACKAGES)
def test_the_committed_types_are_those_of_the_source(workshop: Workshop, tmp_path: Path, name: str):
    """To write them again: copy `types` from the folder that the message names."""
    package = tmp_path / name
    ignore = shutil.ignore_patterns("types", "tests", "node_modules")
    shutil.copytree(CONTRIB / name, package, ignore=ignore)
    if name == "drena-react":
        workshop.with_packages(package, "react19")
    workshop.tool("typescript/bin/tsc", "--project", ".", cwd=package)
    written = {path.name: path.read_text() for path in (package / "types").iterdir()}
    committed = {path.name: path.read_text() for path in (CONTRIB / name / "types").iterdir()}
    assert written == committed, f"contrib/{name}/types is not current: cp {package}/types/* contrib/{name}/types/"


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_holds_its_source_its_types_its_readme_and_nothing_else(workshop: Workshop, name: str):
    package = workshop.packed(name)
    held = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    source = {f"src/{path.name}" for path in (CONTRIB / name / "src").iterdir()}
    types = {f"types/{path.name}" for path in (CONTRIB / name / "types").iterdir()}
    assert held == source | types | {"package.json", "README.md", "LICENSE"}
    assert {path.removeprefix("src/").removesuffix(".js") for path in source} == {
        path.removeprefix("types/").removesuffix(".d.ts") for path in types
    }


def test_the_client_has_no_dependency_and_needs_no_build():
    manifest = json.loads((CONTRIB / "drena-client" / "package.json").read_text())
    assert not {"dependencies", "peerDependencies", "scripts"} & manifest.keys()
    for path in (CONTRIB / "drena-client" / "src").iterdir():
        imports = re.findall(r'^(?:import|export) .*from "([^"]+)"', path.read_text(), re.MULTILINE)
        assert [name for name in imports if not re.fullmatch(r"\./[a-z-]+\.js", name)] == []


def test_the_hook_depends_on_this_client_and_leaves_react_to_the_application():
    client, react = (json.loads((CONTRIB / name / "package.json").read_text()) for name in PACKAGES)
    assert react["dependencies"] == {"drena-client": f"^{client['version']}"}
    assert react["peerDependencies"] == {"react": ">=18"}


def test_the_client_tells_the_server_the_version_it_has():
    version = json.loads((CONTRIB / "drena-client" / "package.json").read_text())["version"]
    source = (CONTRIB / "drena-client" / "src" / "connection.js").read_text()
    assert f'name: "drena-client", version: "{version}"' in source


def test_a_strict_typescript_application_compiles_against_the_packages(workshop: Workshop, tmp_path: Path):
    for path in (HERE / "typed").iterdir():
        shutil.copy(path, tmp_path)
    workshop.with_packages(tmp_path)
    workshop.tool("typescript/bin/tsc", "--project", ".", cwd=tmp_path)


@pytest.mark.parametrize("name", PACKAGES)
def test_the_sources_have_the_one_form(workshop: Workshop, name: str):
    """To give it to them: prettier --write, with the .prettierrc.json beside them."""
    folder = CONTRIB / name
    workshop.tool("prettier/bin/prettier.cjs", "--check", "src", "tests", "package.json", cwd=folder)


@pytest.mark.parametrize("name", ["tools", "react18", "react19"])
def test_a_lock_of_npm_names_no_registry_and_hashes_everything(name: str):
    lock = json.loads((NPM / name / "package-lock.json").read_text())
    packages = {path: package for path, package in lock["packages"].items() if path}
    assert packages
    assert [path for path, package in packages.items() if "resolved" in package] == []
    assert [path for path, package in packages.items() if "integrity" not in package] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_a_source_file_can_be_read_in_one_sitting(name: str):
    lengths = {path.name: len(path.read_text().splitlines()) for path in (CONTRIB / name / "src").iterdir()}
    assert {file: lines for file, lines in lengths.items() if lines > 400} == {}
