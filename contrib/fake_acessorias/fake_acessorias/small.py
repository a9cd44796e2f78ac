"""What a fake of a smaller API is made of: knobs, faults, admin routes, over a table of routes.

A fake of Acessórias needs worlds made by seed, offices and forms; others need a handful of routes over a state that a
test lays down. They bring the state and its routes, and get from here: the key of each account, the rate limit, each
fault by countdown, the record of requests, the admin routes, the command line and the launcher.

    /_admin/knobs       GET, PATCH (set some), PUT (set these, take all others back)
    /_admin/accounts    GET: the key of each account
    /_admin/accounts/K  GET: what the account holds; PUT: lay it down; PATCH: change it, as the fake defines
    /_admin/requests    GET: the record, with the bodies of requests that change something
    /_admin/reset       POST: knobs and record as at the start; accounts stay
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Protocol
from urllib.parse import unquote

import click
import msgspec
import trio

from fake_acessorias.ledger import Entry, Ledger
from fake_acessorias.messages import Answer, Request, html_answer, json_answer
from fake_acessorias.pacing import Window
from fake_acessorias.process import run

if TYPE_CHECKING:
    from collections.abc import Sequence

Count = Annotated[int, msgspec.Meta(ge=0)]
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
RECORD: Final = 50_000


class SmallKnobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every small fake can do wrong. A ``*_next`` knob counts down over the requests in scope."""

    revoked: bool = False
    """The right key is refused with 401."""
    forbidden: bool = False
    """Every request is answered 403."""
    requests_per_minute: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Requests admitted in ``rate_window_s``, per key, of any method; the rest get 429."""
    rate_window_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 60.0
    retry_after: Literal["absent", "seconds"] = "absent"
    """Whether a 429 says when to come back."""
    throttle_next: Count = 0
    """The next N requests get 429."""
    fail_next: Count = 0
    """The next N requests get ``fail_status``, and nothing is carried out."""
    fail_status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    reset_next: Count = 0
    """The next N connections are reset before anything is carried out."""
    lost_next: Count = 0
    """The next N requests are carried out, and the connection is reset in place of an answer."""
    cut_next: Count = 0
    """The next N answers stop in the middle of the body."""
    truncate_next: Count = 0
    """The next N answers are truncated JSON whose Content-Length is right."""
    html_next: Count = 0
    """The next N requests get a maintenance page with status 200."""
    only_methods: tuple[str, ...] = ()
    """Methods that the countdowns are limited to. Empty: all."""
    only_paths: tuple[str, ...] = ()
    """Beginnings of paths that the countdowns are limited to. Empty: all."""
    skip_first: Count = 0
    """The first N requests in scope suffer nothing."""
    latency_ms: Annotated[float, msgspec.Meta(ge=0, le=600_000)] = 0.0
    """Every answer waits this long."""


FAULTS: Final = ("throttle", "fail", "reset", "html", "lost", "cut", "truncate")


class Account(Protocol):
    """What one key gives access to."""

    def held(self) -> Any:
        """All of it, for a test to look at."""

    def lay(self, content: Any) -> None:
        """Replace all of it. Raises ValueError for what makes no sense."""

    def change(self, wish: Any) -> Any:
        """Change some of it. Raises ValueError for what makes no sense."""


class Call(msgspec.Struct, frozen=True):
    """A request with its account."""

    request: Request
    account: Any
    knobs: Any
    words: tuple[str, ...]
    """What the groups of the route's pattern matched, decoded."""


Route = Callable[[Call], Answer]


class SmallFake:
    """Satisfies `server.Service`.

    Args:
        scheme: of the Authorization header: `Bearer`, `ApiKey`.
        knobs: a subclass of `SmallKnobs`, as at the start.
        accounts: by key.
        routes: by method and pattern of the path, which is matched before it is decoded.
        new_account: makes an empty one, for a key that is laid down later.
    """

    def __init__(
        self,
        *,
        scheme: str,
        knobs: SmallKnobs,
        accounts: Mapping[str, Account],
        routes: Mapping[tuple[str, str], Route],
        new_account: Callable[[], Account],
    ) -> None:
        self.ledger = Ledger(RECORD)
        self.bodies: dict[int, str] = {}
        self.knobs = self._at_start = knobs
        self.accounts: dict[str, Account] = dict(accounts)
        self._scheme = scheme
        self._routes = [(method, re.compile(pattern), route) for (method, pattern), route in routes.items()]
        self._new_account = new_account
        self._windows: dict[str, Window] = {}

    # The API ---------------------------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        """Answer a request of the API, with whatever fault is due."""
        scheme, _, key = request.authorization.partition(" ")
        key = key.strip() if scheme == self._scheme else ""
        fault = self._strike(request)
        found = self._early(fault) or self._late(fault, self._admitted(request, key))
        number = self.ledger.total + 1
        if request.method not in READS:
            self.bodies[number] = request.body.decode("utf-8", "replace")
        self.ledger.record(
            Entry(
                number,
                round(request.at_s, 6),
                key if key in self.accounts else None,
                request.method,
                request.path,
                request.query,
                found.status,
                found.fault,
            )
        )
        return msgspec.structs.replace(found, delay_s=self.knobs.latency_ms / 1000)

    def _strike(self, request: Request) -> str:
        """The fault of this request, counted down."""
        knobs = self.knobs
        outside = (knobs.only_methods and request.method not in knobs.only_methods) or (
            knobs.only_paths and not request.path.startswith(knobs.only_paths)
        )
        fault = next((each for each in FAULTS if getattr(knobs, f"{each}_next")), "")
        if outside or not fault:
            return ""
        if knobs.skip_first:
            self.knobs = msgspec.structs.replace(knobs, skip_first=knobs.skip_first - 1)
            return ""
        self.knobs = msgspec.structs.replace(knobs, **{f"{fault}_next": getattr(knobs, f"{fault}_next") - 1})
        return fault

    def _early(self, fault: str) -> Answer | None:
        """A fault in place of whatever was asked for."""
        if fault == "throttle":
            return self._limited(1.0)
        if fault == "fail":
            page = html_answer(self.knobs.fail_status, "Service Unavailable")
            return msgspec.structs.replace(page, fault="fail")
        if fault == "reset":
            return Answer(status=0, fault="reset")
        if fault == "html":
            return msgspec.structs.replace(html_answer(200, "Em manutenção"), fault="html")
        return None

    @staticmethod
    def _late(fault: str, found: Answer) -> Answer:
        """A fault of an answer: what was asked for is done."""
        if fault == "lost":
            return Answer(status=0, fault="reset")
        if fault == "cut" and found.body:
            return msgspec.structs.replace(found, fault="cut", keep=0.5)
        if fault == "truncate" and found.body:
            return msgspec.structs.replace(found, fault="truncate", body=found.body[: len(found.body) // 2])
        return found

    def _limited(self, wait_s: float) -> Answer:
        headers = (("Retry-After", str(int(wait_s) + 1)),) if self.knobs.retry_after == "seconds" else ()
        return msgspec.structs.replace(html_answer(429, "Too Many Requests"), headers=headers, fault="limited")

    def _admitted(self, request: Request, key: str) -> Answer:
        account = self.accounts.get(key)
        if account is None or self.knobs.revoked:
            return html_answer(401, "Unauthorized")
        if self.knobs.forbidden:
            return html_answer(403, "Forbidden")
        if self.knobs.requests_per_minute:
            window = self._windows.setdefault(key, Window())
            wait_s = window.admit(request.at_s, self.knobs.requests_per_minute, self.knobs.rate_window_s)
            if wait_s:
                return self._limited(wait_s)
        return self._routed(request, account)

    def _routed(self, request: Request, account: Account) -> Answer:
        fitting = [
            (method, match, route) for method, path, route in self._routes if (match := path.fullmatch(request.path))
        ]
        for method, match, route in fitting:
            if method == request.method:
                return route(Call(request, account, self.knobs, tuple(map(unquote, match.groups()))))
        return html_answer(405, "Method Not Allowed") if fitting else html_answer(404, "Not Found")

    # The admin routes ------------------------------------------------------------------------------------------------

    def administered(self, request: Request) -> Answer:
        """Answer a request of the admin routes; they are for this machine alone."""
        if not request.loopback:
            return json_answer({"error": "the admin routes answer this machine only"}, 403)
        try:
            body = msgspec.json.decode(request.body) if request.body else None
            return json_answer(self._administer(request.method, request.segments()[1:], body))
        except (ValueError, KeyError) as problem:  # msgspec's errors are ValueErrors
            return json_answer({"error": str(problem)}, 400)

    def _administer(self, method: str, words: tuple[str, ...], body: Any) -> Any:
        match method, words:
            case "GET", ("knobs",):
                return self.knobs
            case (("PATCH" | "PUT"), ("knobs",)):
                held = msgspec.to_builtins(self.knobs) if method == "PATCH" else {}
                self.knobs = msgspec.convert({**held, **body}, type(self._at_start))
                return self.knobs
            case "GET", ("accounts",):
                return list(self.accounts)
            case "GET", ("accounts", key):
                return self.accounts[key].held()
            case "PUT", ("accounts", key):
                account = self.accounts[key] = self._new_account()
                account.lay(body)
                return {}
            case "PATCH", ("accounts", key):
                return self.accounts[key].change(body)
            case "GET", ("requests",):
                rows = [msgspec.structs.asdict(entry) for entry in self.ledger.entries(None, None)]
                return [{**row, "body": self.bodies.get(row["number"], "")} for row in rows]
            case "POST", ("reset",):
                self.knobs = self._at_start
                self.ledger.clear()
                self.bodies.clear()
                self._windows.clear()
                return {}
        raise ValueError(f"there is no admin route {method} /{'/'.join(words)}")


def served(name: str, make: Callable[[dict[str, Any]], SmallFake]) -> click.Command:
    """The command line of a small fake.

    Args:
        name: of the API, for the help.
        make: the fake, given its knobs by name.
    """

    def pair(text: str) -> tuple[str, Any]:
        knob, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE, such as fail_next=3")
        try:
            return knob, msgspec.json.decode(value)
        except msgspec.DecodeError:
            return knob, value

    @click.command(help=f"Serve a fake of {name}, with the faults it is known for behind knobs.")
    @click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
    @click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; 0 takes a free one.")
    @click.option("--knob", "knobs", multiple=True, metavar="NAME=VALUE", help="A knob; repeatable.")
    @click.option("--accounts", "accounts", type=click.File("rb"), help="JSON file: what each key's account holds.")
    @click.option("--exit-with-parent", is_flag=True, help="End when the process that started this one ends.")
    def command(host: str, port: int, knobs: Sequence[str], accounts: Any, exit_with_parent: bool) -> None:
        try:
            fake = make(dict(map(pair, knobs)))
            for key, content in (msgspec.json.decode(accounts.read()) if accounts else {}).items():
                fake.administered(
                    Request(method="PUT", target=f"/_admin/accounts/{key}", body=msgspec.json.encode(content))
                )
        except ValueError as problem:
            raise click.BadParameter(str(problem)) from problem
        trio.run(partial(run, fake, host, port, with_parent=exit_with_parent))

    return command
