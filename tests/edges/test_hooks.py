"""The hooks besides providers: secrets and who is let in; and that every hook is told of."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from drena import api
from drena.api import Access, Authorizer
from drena.plugins import load_plugins
from drena.plugins.hooks import NAMES, Hooks
from edges.test_plugins import GOOD, install, load, reason, site

__all__ = ["site"]

PAGE = Path(__file__).parents[2] / "contrib" / "writing-a-plugin.md"
HEAD = "from drena.api import Access, Authorizer, hookimpl\n"
DOORS = HEAD + (
    "class Doors(Authorizer):\n"
    "    async def authorize(self, token, peer): return Access(subject='x', tenants=None)\n"
    "@hookimpl\ndef drena_authorizer(): return Doors()\n"
)
VAULT = HEAD + "@hookimpl\ndef drena_secrets(tenant, provider, name): return f'{tenant}-{provider}-{name}'\n"


@pytest.mark.parametrize("name", NAMES)
def test_every_hook_is_documented_for_authors_and_where_it_is_declared(name):
    assert f"`{name}(" in PAGE.read_text(encoding="utf-8")
    spoken = inspect.getdoc(getattr(Hooks, name))
    assert spoken
    assert spoken[0].isupper()
    arguments = list(inspect.signature(getattr(Hooks, name)).parameters)[1:]
    assert f"`{name}({', '.join(arguments)})" in PAGE.read_text(encoding="utf-8")


def test_everything_a_plugin_may_import_is_described():
    for name in api.__all__:
        thing = getattr(api, name)
        if inspect.isclass(thing):
            assert inspect.getdoc(thing), name


def test_a_plugin_may_know_secrets_and_offer_providers_too(site):
    install(site, "drena-vault", VAULT)
    install(site, "drena-both", GOOD.format(slug="both") + VAULT)
    host = load_plugins(path=[site])
    assert [report.hooks for report in load(site).reports] == [("drena_providers", "drena_secrets"), ("drena_secrets",)]
    assert [source.name for source in host.secrets] == ["drena-both (main)", "drena-vault (main)"]
    assert host.secrets[0].read("contmax", "acessorias", "token") == "contmax-acessorias-token"
    assert host.authorizer is None


def test_a_plugin_may_decide_who_comes_in_and_two_may_not(site):
    install(site, "a-doors", DOORS)
    install(site, "b-doors", DOORS + GOOD.format(slug="extra"))
    assert isinstance(load_plugins(path=[site]).authorizer, Authorizer)
    host = load(site)
    assert [report.state for report in host.reports] == ["ok", "skipped"]
    assert "a-doors (main)" in host.reports[1].reason
    assert "plugins.disabled" in host.reports[1].reason
    assert "extra" not in host.providers
    assert "extra" in load_plugins(path=[site], disabled=["a-doors"]).providers


@pytest.mark.parametrize(
    "code, words",
    [
        (HEAD + "@hookimpl\ndef drena_authorizer(): return None", "returned nothing where an Authorizer"),
        (HEAD + "@hookimpl\ndef drena_authorizer(): return Authorizer", "where an Authorizer is expected; call it"),
        (HEAD + "@hookimpl\ndef drena_authorizer(): return Authorizer()", "abstract"),
        (HEAD + "@hookimpl\ndef drena_authorizer(): 1/0", "drena_authorizer() failed: ZeroDivisionError"),
        (HEAD + "@hookimpl\nasync def drena_authorizer(): pass", "drena_authorizer is async"),
        (HEAD + "@hookimpl\ndef drena_authorizer(config): pass", "signature"),
        (DOORS.replace("async def", "def"), "`authorize` must be an async method"),
        (DOORS.replace("token, peer", "token"), "`authorize` must take 2"),
        (HEAD + "@hookimpl\nasync def drena_secrets(tenant, provider, name): pass", "drena_secrets is async"),
        (HEAD + "@hookimpl\ndef drena_secrets(tenant, provider, key): pass", "takes 'key', and there is only"),
        (VAULT + "@hookimpl\ndef drena_secret(): pass", "no hook `drena_secret`"),
    ],
)
def test_a_broken_hook_is_named_and_its_plugin_skipped(site, code, words):
    assert words in reason(site, code)


async def test_an_access_stays_what_it_was_unless_the_plugin_says_otherwise():
    class Doors(Authorizer):
        async def authorize(self, token, peer):
            return Access(subject=token)

    access = await Doors().authorize("x", "")
    assert await Doors().refresh(access) is access
