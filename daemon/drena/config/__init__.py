"""The daemon's configuration: a TOML file, overridden by the environment, checked as a whole before anything starts."""

from __future__ import annotations

from .changes import changed_settings
from .description import Described, describe
from .loading import Loaded, load_config, read_config
from .places import prepare_state_dir
from .settings import (
    Auth,
    Config,
    Database,
    Feed,
    Heal,
    Http,
    Lease,
    Log,
    Node,
    Page,
    Plugins,
    Poll,
    ProviderOverrides,
    Retention,
    Retry,
    Schedule,
    Secrets,
    Shutdown,
    TenantLimits,
    Traces,
)

__all__ = [
    "Auth",
    "Config",
    "Database",
    "Described",
    "Feed",
    "Heal",
    "Http",
    "Lease",
    "Loaded",
    "Log",
    "Node",
    "Page",
    "Plugins",
    "Poll",
    "ProviderOverrides",
    "Retention",
    "Retry",
    "Schedule",
    "Secrets",
    "Shutdown",
    "TenantLimits",
    "Traces",
    "changed_settings",
    "describe",
    "load_config",
    "prepare_state_dir",
    "read_config",
]
