"""A plugin that lets people in, held at arm's length: what it raises, and how long it takes, hurts nobody else.

Its exceptions are logged by kind and place only: their texts may hold the token.
"""

from __future__ import annotations

import math
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from drena.access.principals import Principal
from drena.api import Access
from drena.problems import Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from drena.api import Authorizer
    from drena.log import LogLines

ANSWER_LIMIT_S: Final = 4.0
AGAIN_S: Final = 5


class Doorman:
    """The plugin's authorizer, as the gate uses it."""

    def __init__(self, authorizer: Authorizer, log: LogLines) -> None:
        self._authorizer = authorizer
        self._log = log

    async def admit(self, token: str, peer: str) -> Access:
        """Whom it lets in.

        Raises:
            Refused: `token_invalid`, `token_expired`; `keys_away` when it fails or takes too long.
        """
        access = await self._answer(self._authorizer.authorize(token, peer))
        if access is None:
            raise Refused("token_invalid")
        if access.tenants is msgspec.UNSET and access.user_id is None:
            self._log.error("the authorizer names neither tenants nor a user", authorizer=self._name)
            raise Refused("keys_away", retry_after_s=AGAIN_S)
        if _left_s(access) <= 0:
            raise Refused("token_expired")
        return access

    async def refresh(self, principal: Principal) -> Principal | None:
        """What somebody may see by now; while the plugin fails, what he could see before."""
        if not isinstance(principal.origin, Access):
            return principal
        try:
            access = await self._answer(self._authorizer.refresh(principal.origin))
        except Refused:
            return principal
        if access is None or access.tenants is msgspec.UNSET or _left_s(access) <= 0:
            return None
        return principal_of(access, principal.seen)

    @property
    def _name(self) -> str:
        return type(self._authorizer).__name__

    async def _answer(self, call: Awaitable[Access | None]) -> Access | None:
        try:
            with trio.fail_after(ANSWER_LIMIT_S):
                answer: object = await call
        except Exception as error:  # noqa: BLE001  # a plugin may raise anything
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{frame.filename}:{frame.lineno}"
            self._log.error("the authorizer failed", authorizer=self._name, error=type(error).__name__, where=where)
            raise Refused("keys_away", retry_after_s=AGAIN_S) from None
        if answer is None:
            return None
        kind = type(answer).__name__
        if isinstance(answer, Access):
            if answer.expires_at is None or answer.expires_at.tzinfo is not None:
                return answer
            kind = "a time without a zone"
        self._log.error("the authorizer answered something else than an Access", authorizer=self._name, answer=kind)
        raise Refused("keys_away", retry_after_s=AGAIN_S)


def principal_of(access: Access, seen: int) -> Principal:
    """Somebody of whom the plugin says itself what he may see."""
    assert access.tenants is not msgspec.UNSET
    return Principal(
        subject=access.subject,
        kind="user",
        user_id=access.user_id,
        tenants=access.tenants,
        admin_of=access.admin_of,
        expires_at=access.expires_at,
        ends_at_s=trio.current_time() + _left_s(access),
        origin=access,
        seen=seen,
    )


def _left_s(access: Access) -> float:
    return math.inf if access.expires_at is None else (access.expires_at - datetime.now(UTC)).total_seconds()
