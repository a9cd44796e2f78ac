"""The plugin host: finds plugins, checks them whole, and keeps what they offer. A value, not a global.

A plugin is an entry point in the group `drena`, found among the installed distributions and in the folders of
`plugins.path`. Each is imported and asked alone, on a trial host of its own, so that whatever is wrong with it can be
said with its name and harms no other: an import that fails or exits, a hook that does not exist or has another
signature, an answer that is not a list of providers, a provider with a missing or impossible attribute, a slug somebody
offers already, an API this daemon does not have. A plugin is taken whole or skipped whole. The order is that of the
names, so the same set of plugins always gives the same host.

Importing and asking happens once, synchronously, before the daemon serves anything.
"""

from __future__ import annotations

from .contract import PluginFault, check_provider
from .finding import Source, installed
from .hooks import GROUP, SecretSource
from .host import PluginHost, PluginReport, load_plugins

__all__ = [
    "GROUP",
    "PluginFault",
    "PluginHost",
    "PluginReport",
    "SecretSource",
    "Source",
    "check_provider",
    "installed",
    "load_plugins",
]
