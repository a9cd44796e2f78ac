"""Every setting of the daemon: one frozen struct a section, one description a setting.

The descriptions live in the types, not in comments, because three readers need them at run time: the loader's error
sentences, `drena config`, and the test that holds the page beside this file to account. Units are in the names.
A setting is declared here once something reads it, never before.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

YEAR_S = 366 * 24 * 3600.0
"""An upper bound for every duration: it refuses `inf`, `nan` and milliseconds typed where seconds are meant."""


Seconds = Annotated[float, Meta(gt=0, le=YEAR_S)]
Amount = Annotated[int, Meta(ge=1, le=100_000)]
Days = Annotated[int, Meta(ge=1, le=36_500)]


def _said(description: str, *, secret: bool = False) -> Meta:
    """What a setting is for, and whether its value may hold a password."""
    return Meta(description=description, extra={"secret": secret})


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the configuration file."""


class Database(Section, frozen=True, kw_only=True):
    """Where PostgreSQL is."""

    url: Annotated[
        str | None,
        _said(
            "PostgreSQL, as `postgresql://user:password@host:5432/name`. Without it an embedded one runs.", secret=True
        ),
    ] = None
    listen_url: Annotated[
        str | None,
        _said("A direct URL for LISTEN when `database.url` goes through a transaction pooler.", secret=True),
    ] = None
    wait_s: Annotated[
        Annotated[float, Meta(ge=0, le=YEAR_S)],
        _said("How long `drena run` waits at its start for a database that is not there yet."),
    ] = 60.0
    pool_size: Annotated[Annotated[int, Meta(ge=2, le=1000)], _said("Connections this node keeps open at most.")] = 10


class Node(Section, frozen=True, kw_only=True):
    """This process among its like."""

    name: Annotated[str | None, _said("What people call this node; the host's name by default.")] = None
    max_jobs: Annotated[Amount, _said("Attempts this node runs at once.")] = 100


class TenantLimits(Section, frozen=True, kw_only=True):
    """What one office may use."""

    max_jobs: Annotated[Amount, _said("Jobs of one tenant that run at once, over all nodes.")] = 2


class Lease(Section, frozen=True, kw_only=True):
    """How long a node's word is good."""

    lease_s: Annotated[Seconds, _said("A node that has not renewed for this long loses its jobs to the others.")] = 15.0


class Poll(Section, frozen=True, kw_only=True):
    """The safety net under notifications."""

    poll_s: Annotated[Seconds, _said("How often due jobs are looked for when nothing woke the node before.")] = 2.0


class Retry(Section, frozen=True, kw_only=True):
    """The backoff of failed attempts."""

    base_s: Annotated[Seconds, _said("The wait after the first failure, about; it doubles with each one.")] = 5.0
    cap_s: Annotated[Seconds, _said("The longest wait the backoff reaches.")] = 900.0


class Shutdown(Section, frozen=True, kw_only=True):
    """What happens on SIGTERM."""

    grace_s: Annotated[Seconds, _said("How long running attempts may go on before they are released to others.")] = 20.0


class Heal(Section, frozen=True, kw_only=True):
    """When a job that nobody runs is ended, and how often that is looked at."""

    pending_after_s: Annotated[Seconds, _said("A pending job older than this that no node could run is ended.")] = 900.0
    running_after_s: Annotated[Seconds, _said("A running job without a lease, older than this, is ended.")] = 2700.0
    sweep_every_s: Annotated[Seconds, _said("How often the sweep looks for both.")] = 60.0


class Retention(Section, frozen=True, kw_only=True):
    """How long history is kept. Active jobs, and the last job and the last success of an integration, always stay."""

    jobs_days: Annotated[Days, _said("An ended job older than this is deleted with its log.")] = 90
    jobs_per_integration: Annotated[
        Amount, _said("Of one integration only so many of the newest ended jobs are kept, however young.")
    ] = 1000
    job_logs_days: Annotated[
        Days, _said("What a provider wrote to a job's log is deleted after this; the lines of its life stay with it.")
    ] = 30
    feed_hours: Annotated[Amount, _said("How far back a feed client can resume without a fresh snapshot.")] = 24
    history_days: Annotated[
        Days | None,
        _said("Rows of integration_logs, sync_jobs and sync_logs whose job was deleted go after this; else they stay."),
    ] = None
    batch: Annotated[Amount, _said("Rows one transaction deletes at most, about.")] = 500


class Schedule(Section, frozen=True, kw_only=True):
    """Jobs that the clock asks for."""

    jitter_s: Annotated[
        Annotated[float, Meta(ge=0, le=86_400)],
        _said("Within how long the offices of one moment start, each always so much later as its name says."),
    ] = 300.0


class Log(Section, frozen=True, kw_only=True):
    """The daemon's own log, on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], _said("The least serious line that is written.")] = (
        "info"
    )
    format: Annotated[
        Literal["auto", "console", "json"], _said("`auto` is `console` on a terminal and `json` elsewhere.")
    ] = "auto"


class Traces(Section, frozen=True, kw_only=True):
    """OpenTelemetry traces, one span an attempt; `drena[otel]` brings what they need."""

    endpoint: Annotated[
        str | None, _said("Where traces are sent over HTTP, as `http://127.0.0.1:4318/v1/traces`; nowhere by default.")
    ] = None
    ratio: Annotated[Annotated[float, Meta(ge=0, le=1)], _said("Of how many attempts traces are made.")] = 1.0


class Plugins(Section, frozen=True, kw_only=True):
    """Where providers come from."""

    path: Annotated[tuple[Path, ...], _said("Folders with installed plugins, besides Python's own.")] = ()
    disabled: Annotated[tuple[str, ...], _said("Plugins to leave out, by distribution or entry point name.")] = ()


class Auth(Section, frozen=True, kw_only=True):
    """Who is let in. Service tokens (`drena token`) are, in every mode; without any setting they alone are."""

    mode: Annotated[
        Literal["jwt", "open"],
        _said("`open` lets everybody on this machine do everything, for development; only on loopback addresses."),
    ] = "jwt"
    jwt_secret: Annotated[
        str | None, _said("The secret that signs people's tokens with HS256, of 32 bytes at least.", secret=True)
    ] = None
    jwks_url: Annotated[
        str | None,
        _said("Where the issuer's public keys are (ES256, RS256). With an issuer and no secret, below the issuer."),
    ] = None
    issuer: Annotated[
        str | None, _said("What `iss` of people's tokens must be, as `https://project.supabase.co/auth/v1`.")
    ] = None
    audience: Annotated[str, _said("What `aud` of people's tokens must be or hold.")] = "authenticated"
    membership_poll_s: Annotated[
        Seconds,
        _said("How often memberships of open connections are read again without a notification."),
    ] = 30.0

    @property
    def keys_url(self) -> str | None:
        """Where the public keys are; None when there are none."""
        if self.jwks_url or not self.issuer or self.jwt_secret:
            return self.jwks_url
        return self.issuer.rstrip("/") + "/.well-known/jwks.json"


class Http(Section, frozen=True, kw_only=True):
    """The HTTP API and the status page."""

    listen: Annotated[
        str, _said("Where the API and the page are: host:port, :port, unix:/path; `off` or nothing for nowhere.")
    ] = "127.0.0.1:8764"
    tls_cert: Annotated[Path | None, _said("A PEM file with the certificate, to speak TLS without a proxy.")] = None
    tls_key: Annotated[Path | None, _said("A PEM file with the certificate's key.")] = None
    cors_origins: Annotated[
        tuple[str, ...], _said("Other origins whose pages may use the API, as `https://app.example.com`.")
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...], _said("Addresses or networks of proxies whose `X-Forwarded-For` is believed.")
    ] = ()
    max_connections: Annotated[Amount, _said("Connections at once.")] = 1000
    max_per_address: Annotated[Amount, _said("Connections of one address at once; proxies are exempt.")] = 200
    max_body_bytes: Annotated[
        Annotated[int, Meta(ge=1024, le=2**30)], _said("The largest request body that is read.")
    ] = 1024 * 1024
    requests_per_minute: Annotated[Amount, _said("What one user or service token may ask for.")] = 600
    anonymous_per_minute: Annotated[
        Amount, _said("What one address may ask for without a token, or with a wrong one.")
    ] = 120
    metrics: Annotated[
        Literal["loopback", "token", "off"],
        _said("Who may read `/metrics`: this machine, without a proxy; a service token for all tenants; nobody."),
    ] = "loopback"


class Page(Section, frozen=True, kw_only=True):
    """The status page in browsers."""

    feed_url: Annotated[
        str | None,
        _said("Where browsers reach the feed: `wss://…` or a path, `off` for nowhere; by default on the page's host."),
    ] = None
    storage_key: Annotated[
        str | None, _said("Under which key of the session storage an application of the same origin leaves the token.")
    ] = None
    parents: Annotated[tuple[str, ...], _said("Origins that may show the page in a frame and hand it a token.")] = ()


class Feed(Section, frozen=True, kw_only=True):
    """The websocket feed for browsers and programs."""

    listen: Annotated[
        str, _said("Where: `host:port`, `:port`, `[::1]:port`, `unix:/path`; empty or `off` for no feed.")
    ] = "127.0.0.1:8765"
    tls_cert: Annotated[Path | None, _said("A PEM file with the certificate, for TLS without a proxy in front.")] = None
    tls_key: Annotated[Path | None, _said("A PEM file with the certificate's key.")] = None
    origins: Annotated[
        tuple[str, ...],
        _said("Origins whose pages may open a feed, as `https://app.example`; those of the same host may anyway."),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        _said("Addresses or networks whose X-Forwarded-For is believed, as `127.0.0.1` or `10.0.0.0/8`."),
    ] = ()
    max_connections: Annotated[Amount, _said("Clients at once.")] = 5_000
    max_per_address: Annotated[Amount, _said("Clients of one address at once.")] = 500
    max_unauthenticated: Annotated[
        Amount, _said("Connections of one address that have not shown a token yet, at once.")
    ] = 100
    max_message_bytes: Annotated[
        Annotated[int, Meta(ge=1024, le=2**24)], _said("The largest message a client may send.")
    ] = 128 * 1024
    messages_per_s: Annotated[
        Annotated[float, Meta(gt=0, le=100_000)],
        _said("Messages a client may send a second, twice as many in a burst."),
    ] = 20.0
    max_tenants: Annotated[Amount, _said("Tenants one client may watch.")] = 500
    stuck_s: Annotated[Seconds, _said("A client that takes nothing for so long is cut off.")] = 10.0
    poll_s: Annotated[
        Seconds, _said("How often the feed's log is looked at while somebody reads and nobody notified.")
    ] = 1.0


class Secrets(Section, frozen=True, kw_only=True):
    """Where providers' secrets may be besides systemd credentials and the environment."""

    file: Annotated[
        Path | None,
        _said("A file of lines `ACESSORIAS_TOKEN_CONTMAX=value`, for its owner alone; read anew for each attempt."),
    ] = None


class ProviderOverrides(Section, frozen=True, kw_only=True):
    """What an operator changes for one provider. An absent value leaves the provider's own."""

    requests_per_minute: Annotated[
        Annotated[float, Meta(gt=0, le=1e9)] | None,
        _said("The fastest pace towards the outside system, per credential."),
    ] = None
    deadline_s: Annotated[Seconds | None, _said("An attempt older than this ends with code `deadline`.")] = None
    max_jobs: Annotated[Amount | None, _said("Attempts of this provider on this node at once.")] = None
    proxy: Annotated[
        str | None, _said("A proxy for its requests, as `http://user:password@host:3128`.", secret=True)
    ] = None
    ca_file: Annotated[Path | None, _said("A file of certificates to trust in place of the system's.")] = None
    connect_timeout_s: Annotated[Seconds | None, _said("How long a connection may take to open; 10 by default.")] = None
    read_timeout_s: Annotated[Seconds | None, _said("How long a silence within an answer may last; 60 by default.")] = (
        None
    )
    max_body_bytes: Annotated[
        Annotated[int, Meta(ge=1024, le=2**40)] | None,
        _said("The largest answer that is read; 33554432 (32 MiB) by default."),
    ] = None


class Config(Section, frozen=True, kw_only=True):
    """The whole configuration, as `load_config` returns it: complete and checked."""

    state_dir: Annotated[
        Path,
        _said(
            "Where the daemon keeps files. By default `$STATE_DIRECTORY`, else `/var/lib/drena` for root, else "
            "`drena` in the user's state folder."
        ),
    ]
    database: Database = Database()
    node: Node = Node()
    tenant: TenantLimits = TenantLimits()
    lease: Lease = Lease()
    poll: Poll = Poll()
    retry: Retry = Retry()
    shutdown: Shutdown = Shutdown()
    heal: Heal = Heal()
    retention: Retention = Retention()
    schedule: Schedule = Schedule()
    log: Log = Log()
    traces: Traces = Traces()
    plugins: Plugins = Plugins()
    auth: Auth = Auth()
    feed: Feed = Feed()
    http: Http = Http()
    page: Page = Page()
    secrets: Secrets = Secrets()
    providers: Mapping[str, ProviderOverrides] = {}

    def provider(self, slug: str) -> ProviderOverrides:
        """The overrides of one provider; all absent when the operator wrote none."""
        return self.providers.get(slug) or ProviderOverrides()
