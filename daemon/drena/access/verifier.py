"""Who the bearer of a JSON Web Token is, by the keys that the configuration names: the issuer's, or a shared secret.

Imported only where there are such keys: cryptography takes a tenth of a start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drena.access.jwts import Rules, key_id, secret_key, verify
from drena.access.key_sets import KeySet
from drena.problems import Refused

if TYPE_CHECKING:
    from drena.access.jwts import Bearer
    from drena.config import Auth
    from drena.log import LogLines


class Verifier:
    """See the module.

    Args:
        auth: what a token must say, and the keys.
        log: told when the issuer's keys cannot be had.
    """

    def __init__(self, auth: Auth, log: LogLines) -> None:
        self._rules = Rules(issuer=auth.issuer or "", audience=auth.audience)
        self._secret = secret_key(auth.jwt_secret) if auth.jwt_secret else None
        self.keys = KeySet(auth.keys_url, log) if auth.keys_url else None
        """The issuer's; whoever made this runs them."""

    async def bearer_of(self, token: str) -> Bearer:
        """The bearer by the first key that can be meant: the one the token names, else the secret.

        Raises:
            Refused: `token_invalid`, `token_expired`, `keys_away`.
        """
        kid = key_id(token)
        if self.keys is not None and kid is not None and (known := self.keys.known(kid)) is not None:
            return verify(token, known, self._rules)
        if self._secret is not None:
            try:
                return verify(token, self._secret, self._rules)
            except Refused as refused:
                if refused.code == "token_expired" or self.keys is None:
                    raise
        if self.keys is not None and kid is not None and (found := await self.keys.find(kid)) is not None:
            return verify(token, found, self._rules)
        raise Refused("token_invalid")
