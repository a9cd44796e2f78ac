"""Builds with npm's tools: the two packages as they would be published, and applications that use them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

HERE = Path(__file__).parent
NPM = HERE / "npm"
CONTRIB = HERE.parent.parent / "contrib"
PACKAGES = ("drena-client", "drena-react")
LIMIT_S = 120


class Workshop:
    """See the module."""

    def __init__(self, node: str, installed: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> None:
        self.node = node
        self.installed = installed
        self._tmp = tmp_path_factory
        self._packed: dict[str, Path] = {}
        self._built: dict[str, Path] = {}

    def tool(self, script: str, *words: str, cwd: Path, env: dict[str, str] | None = None) -> str:
        """Run a script of the tools' node_modules; returns what it prints.

        Raises:
            AssertionError: it failed; the text is all it said.
        """
        command = [self.node, str(self.installed("tools") / script), *words]
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def packed(self, name: str) -> Path:
        """What `npm pack` puts into a package, unpacked."""
        if name not in self._packed:
            folder = self._tmp.mktemp(f"pack-{name}")
            npm = shutil.which("npm")
            assert npm is not None
            command = [
                npm,
                "pack",
                "--json",
                "--loglevel=error",
                "--pack-destination",
                str(folder),
                str(CONTRIB / name),
            ]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=True)
            answer = json.loads(done.stdout)
            listed = answer[0] if isinstance(answer, list) else answer[name]  # npm 12 answers by name
            subprocess.run(["tar", "-xzf", listed["filename"]], cwd=folder, check=True)
            self._packed[name] = folder / "package"
        return self._packed[name]

    def with_packages(self, folder: Path, react: str | None = None) -> Path:
        """Give a folder a node_modules with our packages, React of a version, and its types."""
        modules = folder / "node_modules"
        (modules / "@types").mkdir(parents=True)
        for name in PACKAGES:
            shutil.copytree(self.packed(name), modules / name)
        if react is not None:
            for module in self.installed(react).iterdir():
                if module.is_dir() and not module.name.startswith("."):
                    shutil.copytree(module, modules / module.name)
        tools = self.installed("tools")
        shutil.copytree(tools / "@types" / "react", modules / "@types" / "react")
        shutil.copytree(tools / "csstype", modules / "csstype")
        return modules

    def application(self, react: str) -> Path:
        """The test application, built by Vite for development with a version of React; gives the folder to serve."""
        if react not in self._built:
            folder = self._tmp.mktemp(f"app-{react}")
            shutil.copytree(HERE / "app", folder, dirs_exist_ok=True)
            self.with_packages(folder, react)
            # Development, because only that React complains.
            env = {"PATH": str(Path(self.node).parent), "NODE_ENV": "development", "HOME": str(folder)}
            words = ["build", "--mode", "development", "--logLevel", "warn"]
            said = self.tool("vite/bin/vite.js", *words, cwd=folder, env=env)
            assert said == "", said
            self._built[react] = folder / "dist"
        return self._built[react]

    def driver(self) -> Path:
        """A folder with driver.mjs and what it imports."""
        if "driver" not in self._built:
            folder = self._tmp.mktemp("driver")
            shutil.copy(HERE / "driver.mjs", folder)
            modules = folder / "node_modules"
            shutil.copytree(self.packed("drena-client"), modules / "drena-client")
            shutil.copytree(self.installed("tools") / "ws", modules / "ws")
            self._built["driver"] = folder
        return self._built["driver"]
