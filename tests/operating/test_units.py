"""The units: what systemd itself says of them, what they promise of the daemon, and where `make install` puts them."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drena.config.settings import Feed, Http, Shutdown
from repository.tree import ROOT

SYSTEMD = ROOT / "systemd"
UNITS = sorted(path for kind in ("service", "socket", "target") for path in SYSTEMD.glob(f"*.{kind}"))
MOST_EXPOSURE = 1.2
EMBEDDED_STOP_S = 15
OUTAGE_S = 60
"""So long an outage costs no job anything (I4), so it must not cost the process its life."""

systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")


def section(unit: str, name: str) -> dict[str, list[str]]:
    """The assignments of a section, each key with all of its values."""
    found: dict[str, list[str]] = {}
    inside = False
    for line in (SYSTEMD / unit).read_text().splitlines():
        if line.startswith("["):
            inside = line == f"[{name}]"
        elif inside and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def service(key: str) -> str:
    return section("drena.service", "Service")[key][-1]


@systemd
def test_systemd_finds_nothing_wrong_with_any_unit(tmp_path: Path) -> None:
    for unit in UNITS:
        (tmp_path / unit.name).write_text(
            re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={sys.executable}", unit.read_text())
        )
    told = subprocess.run(
        ["systemd-analyze", "verify", *sorted(tmp_path.iterdir())], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stderr) == (0, "")


def test_a_plugin_that_eats_memory_ends_the_process_before_the_machine() -> None:
    """Rescue and `poison` do the rest, as for every process that dies."""
    assert 50 <= int(service("MemoryMax").removesuffix("%")) < 100
    assert service("Restart") == "on-failure"


@systemd
def test_the_service_is_exposed_to_hardly_anything() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(SYSTEMD / "drena.service")]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    level = re.search(r"Overall exposure level for drena.service: ([0-9.]+)", told.stdout)
    assert level is not None
    assert float(level[1]) <= MOST_EXPOSURE


def test_the_service_waits_as_long_as_the_daemon_needs() -> None:
    assert int(service("TimeoutStopSec")) > Shutdown().grace_s + EMBEDDED_STOP_S
    assert int(service("WatchdogSec")) > 2 * OUTAGE_S
    assert service("Type") == "notify"


@pytest.mark.parametrize("name, listen", [("drena-http", Http().listen), ("drena-feed", Feed().listen)])
def test_a_socket_unit_holds_the_default_address_under_the_name_the_daemon_looks_for(name: str, listen: str) -> None:
    found = section(f"{name}.socket", "Socket")
    assert found["ListenStream"] == [listen]
    assert found["FileDescriptorName"] == [name]
    assert found["Service"] == ["drena.service"]


def test_every_provider_of_the_house_has_a_folder_for_its_secrets() -> None:
    from importlib.metadata import entry_points

    from drena.plugins import load_plugins

    assert entry_points(group="drena")
    ours = {path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")}
    wanted = {
        f"{slug}_{secret}".upper()
        for slug, provider in load_plugins().providers.items()
        if slug in ours
        for secret in provider.secrets
    }
    assert {line.partition(":")[0] for line in section("drena.service", "Service")["LoadCredential"]} == wanted


@pytest.fixture
def bundle() -> Path:
    """The folder that `make binary` leaves, or what stands in for it: install asks it for nothing but completions."""
    folder = ROOT / "build" / "bundle"
    if not (folder / "drena").exists():
        pytest.skip("make binary was not run here")
    return folder


def test_install_and_uninstall_leave_what_an_operator_wrote(bundle: Path, tmp_path: Path) -> None:
    def make(target: str) -> None:
        words = ["make", "--no-print-directory", target, f"DESTDIR={tmp_path}", "PREFIX=/opt/drena"]
        env = {key: value for key, value in os.environ.items() if not key.startswith("DRENA_")}
        subprocess.run(words, cwd=ROOT, env=env, check=True, capture_output=True, timeout=60)

    make("install")
    there = tmp_path / "opt" / "drena"
    assert (there / "bin" / "drena").resolve() == there / "lib" / "drena" / "drena"
    for unit in UNITS:
        text = (there / "lib" / "systemd" / "system" / unit.name).read_text()
        assert "/usr/local/" not in text
    assert "ExecStart=/opt/drena/bin/drena run" in (there / "lib/systemd/system/drena.service").read_text()
    for script in (
        "bash-completion/completions/drena",
        "zsh/site-functions/_drena",
        "fish/vendor_completions.d/drena.fish",
    ):
        assert "_DRENA_COMPLETE" in (there / "share" / script).read_text()
    settings = tmp_path / "etc" / "drena" / "drena.env"
    assert settings.stat().st_mode & 0o777 == 0o600
    settings.write_text("DRENA_NODE__NAME=mine\n")
    make("install")
    make("uninstall")
    assert settings.read_text() == "DRENA_NODE__NAME=mine\n"
    left = [path for path in there.rglob("*") if not path.is_dir()]
    assert left == []


def test_the_example_of_settings_names_settings_that_exist() -> None:
    from drena.config import load_config

    text = (SYSTEMD / "drena.env.example").read_text()
    lines = [line.removeprefix("#") for line in text.splitlines() if re.match(r"#?[A-Z_]+=", line)]
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string("\n".join(["[settings]", *lines]))
    environ = {key: value for key, value in parser["settings"].items() if key.startswith("DRENA_")}
    assert len(environ) >= 3
    load_config(None, environ | {"HOME": "/nonexistent"}, default_file=Path("/nonexistent"))
