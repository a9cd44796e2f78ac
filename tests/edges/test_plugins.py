"""The plugin host, with real distributions in a temporary folder: good ones load, each bad one is named and skipped."""

from __future__ import annotations

import os
import sys
import textwrap
import zipfile
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from drena.api import API_VERSION, CheckResult, Provider, hookimpl
from drena.errors import Exit, UsageError
from drena.plugins import PluginHost, Source, installed, load_plugins

GOOD = """
from drena.api import CheckResult, Provider, hookimpl

class P(Provider):
    slug = "{slug}"
    name = "A provider"
    async def check(self, ctx): return CheckResult(ok=True, message="fine")
    async def run(self, ctx): return None

@hookimpl
def drena_providers():
    return [P()]
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder that pip could have installed into."""
    modules = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "site"
    folder.mkdir()
    yield folder
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def install(site: Path, name: str, code: str, *, version: str = "1.2", entry: str = "main") -> None:
    """Lay a distribution down as an installer does."""
    module = name.replace("-", "_")
    (site / f"{module}.py").write_text(textwrap.dedent(code), encoding="utf-8")
    info = site / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[drena]\n{entry} = {module}\n")


def load(site: Path, **options) -> PluginHost:
    """Load what this folder holds; other plugins of this Python stay out of the way."""
    here = {path.name.split("-")[0].replace("_", "-") for path in site.glob("*.dist-info")}
    host = load_plugins(path=[site], **options)
    return PluginHost(host.providers, [r for r in host.reports if r.name in here or r.source.startswith("plugins.")])


def reason(site: Path, code: str) -> str:
    """Install a broken plugin between two good ones; return why it was skipped."""
    install(site, "aaa-good", GOOD.format(slug="aaa"))
    install(site, "bad-one", code)
    install(site, "zzz-good", GOOD.format(slug="zzz"))
    host = load(site)
    reports = {report.name: report for report in host.reports}
    assert {"aaa", "zzz"} <= host.providers.keys()
    assert [reports[name].state for name in ("aaa-good", "bad-one", "zzz-good")] == ["ok", "skipped", "ok"]
    assert reports["bad-one"].providers == ()
    assert "\n" not in reports["bad-one"].reason
    return reports["bad-one"].reason


def test_an_installed_plugin_is_found_with_name_version_source_and_slugs(site):
    install(site, "drena-example", GOOD.format(slug="example"))
    host = load(site)
    (report,) = host.reports
    assert (report.name, report.version, report.source) == ("drena-example", "1.2", "main = drena_example")
    assert (report.state, report.reason, report.providers) == ("ok", "", ("example",))
    assert host.provider("example").name == "A provider"


def test_an_entry_point_may_name_an_object(site):
    install(site, "objecty", GOOD.format(slug="objecty"))
    (site / "objecty-1.2.dist-info" / "entry_points.txt").write_text("[drena]\nx = objecty:plugin\n")
    with (site / "objecty.py").open("a") as file:
        file.write("\nclass plugin:\n    drena_providers = staticmethod(drena_providers)\n")
    assert "objecty" in load(site).providers


@pytest.mark.parametrize(
    "code, words",
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("syntax error here", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("class Own(BaseException): pass\nraise Own('mine')", "Own: mine"),
        ("x = 1", "no hook"),
        ("from drena.api import hookimpl\n@hookimpl\ndef drena_provider(): return []", "no hook `drena_provider`"),
        ("from drena.api import hookimpl\n@hookimpl\ndef drena_providers(ctx): return []", "only drena_providers()"),
        ("from drena.api import hookimpl\n@hookimpl\ndef drena_providers(): return None", "returned nothing"),
        ("from drena.api import hookimpl\n@hookimpl\ndef drena_providers(): return 'x'", "returned a str"),
        ("from drena.api import hookimpl\n@hookimpl\ndef drena_providers(): return ['x']", "returned a str"),
        ("from drena.api import hookimpl\n@hookimpl\nasync def drena_providers(): return []", "is async"),
        ("from drena.api import hookimpl\n@hookimpl\ndef drena_providers(): raise SystemExit", "failed: SystemExit"),
        ("from drena.api import hookimpl\n@hookimpl\ndef drena_providers(): 1/0", "ZeroDivisionError"),
    ],
)
def test_a_broken_plugin_is_named_and_skipped_and_the_others_go_on(site, code, words):
    assert words in reason(site, code)


@pytest.mark.parametrize(
    "change, words",
    [
        ("del P.slug", "P.slug is None"),
        ("P.slug = 'Bad-Slug'", "[a-z][a-z0-9_]*"),
        ("P.slug = 7", "P.slug is 7"),
        ("del P.name", "`name`"),
        ("P.name = ' '", "`name`"),
        ("P.category = 'other'", "`category`"),
        ("P.version = 1", "`version`"),
        ("P.api = '1'", "`api`"),
        ("P.api = True", "`api`"),
        (f"P.api = {API_VERSION + 1}", "upgrade Drena"),
        ("P.settings = dict", "`settings` is the class dict"),
        (
            "import msgspec\nclass S(msgspec.Struct):\n    x: 'int | str | list | tuple'\nP.settings = S",
            "`settings` cannot",
        ),
        ("P.secrets = 'token'", "`secrets`"),
        ("P.secrets = ('Token',)", "`secrets`"),
        ("P.words = {'items': 'itens'}", "`words`"),
        ("from drena.api import Word\nP.words = (Word('items', pt='itens', en=''),)", "`words`"),
        ("P.limits = {}", "`limits`"),
        ("from drena.api import Limits\nP.limits = Limits(requests_per_minute=0)", "limits.requests_per_minute"),
        ("from drena.api import Limits\nP.limits = Limits(deadline_s=float('nan'))", "limits.deadline_s"),
        ("from drena.api import Limits\nP.limits = Limits(max_attempts=2.5)", "a whole number from 1 to 1000"),
        ("def run(self, ctx): pass\nP.run = run", "`run` must be an async method"),
        ("async def run(self): pass\nP.run = run", "`run` must take one argument"),
        ("async def check(self, a, b): pass\nP.check = check", "`check` must take one argument"),
        ("P = lambda: P0\nclass P0: slug = 'x'", "where a Provider is expected; call it"),
        ("from drena.api import Provider\nclass P(Provider): slug = 'x'", "abstract"),
        ("@hookimpl\ndef drena_providers(): return [P(), P()]", "twice"),
    ],
)
def test_a_provider_with_a_wrong_attribute_is_named_with_what_is_right(site, change, words):
    assert words in reason(site, GOOD.format(slug="broken") + change)


def test_of_two_plugins_with_the_same_slug_the_first_by_name_counts(site):
    install(site, "b-second", GOOD.format(slug="same"))
    install(site, "a-first", GOOD.format(slug="same"))
    host = load(site)
    assert {report.name: report.state for report in host.reports} == {"a-first": "ok", "b-second": "skipped"}
    assert "already offered by a_first" in host.reports[1].reason


def test_a_disabled_plugin_is_not_imported(site):
    install(site, "noisy", "raise AssertionError('imported')", entry="quiet")
    for name in ("noisy", "quiet"):
        (report,) = load(site, disabled=[name]).reports
        assert "plugins.disabled" in report.reason


def test_a_disabled_name_that_nobody_has_and_a_folder_that_is_not_there_are_reported(site):
    install(site, "drena-example", GOOD.format(slug="example"))
    host = load_plugins(path=[site, site / "gone"], disabled=["drena-exmple"])
    reasons = {report.name: report.reason for report in host.reports if report.source.startswith("plugins.")}
    assert "did you mean 'drena-example'?" in reasons["drena-exmple"]
    assert "no such folder" in reasons[str(site / "gone")]
    assert str(site) not in reasons


def test_a_folder_in_which_nothing_is_installed_says_how_to(site):
    """A plugin's source or its wheel, laid into the folder as it is, was overlooked without a word."""
    assert load_plugins(path=[site], found=[]).reports == []  # empty: nothing was meant to be there yet
    (site / "drena_example.py").write_text(GOOD.format(slug="example"))
    (report,) = load_plugins(path=[site], found=[]).reports
    assert report.state == "skipped"
    assert f"`pip install --no-deps --target {site} WHEEL`" in report.reason


def test_a_folder_that_may_not_be_read_is_reported(site):
    """It was passed over without a word, or ended the program where its parent may not be entered."""
    (site / "closed").mkdir(mode=0)
    nobody = 65534 if os.geteuid() == 0 else os.geteuid()  # root may read everything
    before = os.geteuid()
    os.seteuid(nobody)
    try:
        (report,) = load_plugins(path=[site / "closed"], found=[]).reports
    finally:
        os.seteuid(before)
    assert (report.state, report.source) == ("skipped", "plugins.path")
    assert report.reason == "the user that Drena runs as cannot read this folder: Permission denied"


def test_a_slug_nobody_offers_names_the_nearest_and_what_was_skipped(site):
    install(site, "drena-acessorias2", GOOD.format(slug="acessorias2"))
    install(site, "drena-broken", "1/0")
    host = load(site)
    with pytest.raises(UsageError) as caught:
        PluginHost({"acessorias2": host.providers["acessorias2"]}, host.reports).provider("acesorias2")
    assert "'acessorias2'?" in str(caught.value)
    assert "drena-broken" in str(caught.value)
    assert caught.value.exit_code is Exit.USAGE
    with pytest.raises(UsageError, match="none"):
        PluginHost({}, []).provider("x")


def test_the_same_distribution_seen_twice_counts_once(site, tmp_path):
    install(site, "drena-example", GOOD.format(slug="example"))
    other = tmp_path / "other"
    other.mkdir()
    install(other, "Drena_Example", GOOD.format(slug="other"), version="0.1")
    host = load_plugins(path=[site, other])
    assert [report.version for report in host.reports if report.name == "drena-example"] == ["1.2"]


def test_the_leftovers_of_a_broken_installation_do_no_harm(site):
    (site / "~rena-1.0.dist-info").mkdir()
    (site / "empty-1.0.dist-info").mkdir()
    (site / "empty-1.0.dist-info" / "METADATA").write_text("")
    install(site, "drena-example", GOOD.format(slug="example"))
    assert "example" in load(site).providers


def test_a_zipped_distribution_works_too(site, tmp_path):
    install(site, "zippy", GOOD.format(slug="zippy"))
    archive = tmp_path / "zippy.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in site.rglob("*"):
            if path.is_file():
                file.write(path, path.relative_to(site))
    sys.path.append(str(archive))
    assert any(source.name == "zippy" for source in installed())


def test_two_hosts_share_nothing():
    def source(slug: str) -> Source:
        class P(Provider):
            name = "x"

            async def check(self, ctx):
                return CheckResult(ok=True, message="")

            async def run(self, ctx):
                return None

        P.slug = slug
        module = ModuleType(f"made_{slug}")
        module.drena_providers = hookimpl(lambda: [P()])
        sys.modules[module.__name__] = module
        return Source(slug, "1", EntryPoint(slug, module.__name__, "drena"))

    one, two = load_plugins(found=[source("one")]), load_plugins(found=[source("two")])
    assert (list(one.providers), list(two.providers)) == (["one"], ["two"])
