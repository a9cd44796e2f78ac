"""Every frame of `drena.v1`, the protocol between the feed and its clients. Pure.

Frames are JSON objects in text messages; `t` names the type. Who reads them ignores members he does not know, so that
either side may learn new ones. The page contrib/feed-protocol.md explains them; its examples are decoded by these types
in a test, and the JSON Schema beside it is generated from them.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from drena.views import IntegrationView, JobView, ProgressDetail

SUBPROTOCOL: Final = "drena.v1"
Offset = Annotated[int, Meta(ge=0)]
Ref = Annotated[str, Meta(min_length=1, max_length=64)]


class Code:
    """Close codes. 40xx: stop, the same will fail again. 41xx: back off. 42xx: come back at once."""

    BAD_TOKEN = 4001
    FORBIDDEN = 4003
    BAD_MESSAGE = 4004
    VERSION = 4005
    NO_HELLO = 4008
    TOO_MANY = 4100
    SHUTTING_DOWN = 4101
    SLOW = 4102
    SOURCE_DOWN = 4103
    TOKEN_EXPIRED = 4200
    RESYNC = 4201
    TOO_BIG = 1009


class Resume(msgspec.Struct, frozen=True):
    """Where a client stopped in a tenant's feed."""

    epoch: UUID
    offset: Offset


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="hello"):
    """The first message: who I am and what I want to see."""

    token: str | None = None
    tenants: list[UUID] | Literal["*"] = "*"
    """`*`: all that the token may see, also those to come."""
    resume: dict[UUID, Resume] = {}
    client: Any = None
    """Name and version, for the log; any shape."""
    lang: Literal["pt", "en"] = "pt"
    """The language of problems."""


class Auth(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="auth"):
    """A fresh token of the same subject, before the old one expires."""

    token: str


class Run(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="run"):
    """Ask for a job."""

    ref: Ref
    """Made by the client; a UUID is taken for an idempotency key as well."""
    tenant_id: UUID
    provider_slug: str
    lane: str = ""
    payload: dict[str, Any] | None = None


class Cancel(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="cancel"):
    """Ask for the end of a job."""

    ref: Ref
    job_id: UUID


class Retry(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="retry"):
    """Ask for an ended job again, or at once for one that is backing off."""

    ref: Ref
    job_id: UUID


class Resync(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="resync"):
    """I lost my way in this tenant's feed: a fresh snapshot, please."""

    tenant: UUID


class Ping(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="ping"):
    """Are you there?"""

    id: int | str | None = None


ClientFrame = Hello | Auth | Run | Cancel | Retry | Resync | Ping


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant this connection is told of."""

    id: UUID
    slug: str
    name: str


class Welcome(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="welcome"):
    """You are in. Comes again when the tenants change."""

    node: UUID
    hb_ms: int
    """At least one frame comes in so long, whatever happens."""
    exp: str | None
    """When the token expires; null: never."""
    tenants: list[Tenant]
    server_time: str


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="snapshot"):
    """All there is to see of a tenant. Replaces what is held of it once the last part is in."""

    tenant: UUID
    epoch: UUID
    offset: Offset
    part: int
    """From 1."""
    parts: int
    jobs: list[JobView]
    integrations: list[IntegrationView]


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"deleted": "del"}):
    """One thing that changed."""

    k: str
    """`job:<uuid>` or `integration:<uuid>`."""
    v: int
    """Its version; take the row unless you hold a greater one."""
    d: Any = None
    """Its whole value: a JobView or an IntegrationView, as `k` says."""
    deleted: bool = False


class Delta(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="delta", rename={"from_": "from"}):
    """What the offsets from..to changed, each thing once. Empty with `from = to + 1`: you have missed nothing."""

    tenant: UUID
    epoch: UUID
    was: UUID | msgspec.UnsetType = msgspec.UNSET
    """There when the database server was started anew: if it is yours, you are in `epoch` from here on."""
    from_: Offset
    to: Offset
    rows: list[Row]


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="progress"):
    """How far a running job is now: the latest value, outside the offsets, at most four times a second a job."""

    tenant: UUID
    job_id: UUID
    version: int
    progress: int
    progress_detail: ProgressDetail | None


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="t", tag="reply"):
    """The answer to `run`, `cancel` or `retry`."""

    ref: str
    ok: bool
    job: JobView | None = None
    healed_job_id: UUID | None = None
    """The residue that the new job replaced."""
    problem: dict[str, Any] | None = None
    """As HTTP's application/problem+json."""


class Ok(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="ok"):
    """The answer to `auth`."""

    exp: str | None


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="hb"):
    """Nothing happened; the feeds stand here. An offset ahead of yours means: resync."""

    offsets: dict[UUID, Offset]


class AuthExpiring(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="auth_expiring"):
    """Send `auth` with a fresh token within so long."""

    in_s: int


class Pong(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="pong"):
    """The answer to `ping`."""

    id: int | str | None = None


class Bye(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="bye"):
    """The last frame before the server closes."""

    code: int
    reason: str
    retry_ms: int | None
    """When to come back; null: not with the same token and wishes."""


class Error(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="t", tag="error"):
    """Something was refused, the connection stays."""

    code: str
    detail: str
    tenant: UUID | None = None


ServerFrame = Welcome | Snapshot | Delta | Progress | Reply | Ok | Heartbeat | AuthExpiring | Pong | Bye | Error

_client: Final = msgspec.json.Decoder(ClientFrame)
_server: Final = msgspec.json.Decoder(ServerFrame)
_encoder: Final = msgspec.json.Encoder()


def decode_client(text: str | bytes) -> ClientFrame:
    """A client's frame.

    Raises:
        ValueError: it is none; the sentence says why.
    """
    try:
        frame: ClientFrame = _client.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return frame


def decode_server(text: str | bytes) -> ServerFrame:
    """A server's frame, for clients written in Python.

    Raises:
        msgspec.DecodeError: it is none.
    """
    frame: ServerFrame = _server.decode(text)
    return frame


def encode(frame: ClientFrame | ServerFrame) -> bytes:
    """A frame as JSON."""
    return _encoder.encode(frame)


def json_schema() -> dict[str, Any]:
    """JSON Schema of all frames: `#/$defs/ClientFrame` and `#/$defs/ServerFrame`."""
    (client, server), parts = msgspec.json.schema_components((ClientFrame, ServerFrame), ref_template="#/$defs/{name}")
    value = parts["Row"]["properties"]["d"]
    value["anyOf"] = [{"$ref": f"#/$defs/{kind.__name__}"} for kind in (JobView, IntegrationView)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SUBPROTOCOL,
        "$defs": {"ClientFrame": client, "ServerFrame": server, **parts},
    }
