"""Providers' secrets: systemd credentials first, then the environment, read anew for each attempt.

`ACESSORIAS_TOKEN_CONTMAX` is the secret `token` of provider `acessorias` for the tenant with the slug `contmax`, both
as a file in `$CREDENTIALS_DIRECTORY` and as a variable. Reading at each attempt means that a rotated secret needs no
restart. Everything handed out is registered with the redactor first.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .api import GiveUp
from .redaction import MIN_CHARS, Redactor

MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class SecretClash:
    """Two or more secrets that would be read from the same variable."""

    variable: str
    owners: tuple[tuple[str, str, str], ...]
    """Provider slug, secret name and tenant slug of each."""


class SecretStore:
    """Reads secrets.

    Args:
        environ: the process's environment; `CREDENTIALS_DIRECTORY` names systemd's folder.
        redactor: learns every secret before anybody else does.
    """

    def __init__(self, environ: Mapping[str, str], redactor: Redactor) -> None:
        self._environ = environ
        self._redactor = redactor

    def read(self, provider: str, name: str, tenant: str) -> str:
        """A tenant's secret, without the line end that editors add.

        Args:
            provider: the provider's slug.
            name: the secret's name, as the provider declares it.
            tenant: the tenant's slug.

        Raises:
            GiveUp: `secret_missing`, or `secret_malformed` when it cannot be a header; the sentence says which
                variable and credential to set and never holds the value.
        """
        variable = variable_name(provider, name, tenant)
        found = self._credential(variable)
        secret = (self._environ.get(variable) if found is None else found) or ""
        if found is None and not secret:
            raise GiveUp("secret_missing", f"Falta {_sentence(variable, name, provider, tenant)}.")
        secret = secret.rstrip("\r\n")
        self._redactor.add(secret.strip())
        if fault := _fault(secret):
            whom = _sentence(variable, name, provider, tenant, verb="corrija")
            raise GiveUp("secret_malformed", f"Não serve, porque {fault}, {whom}.")
        return secret

    def _credential(self, variable: str) -> str | None:
        folder = self._environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            return None
        try:
            with (Path(folder) / variable).open("rb") as file:
                return file.read(MAX_BYTES).decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return None
        except OSError as error:
            message = (
                f"A credencial systemd {variable} existe, mas não pode ser lida; confira as permissões do arquivo."
            )
            raise GiveUp("secret_missing", message) from error


def variable_name(provider: str, name: str, tenant: str) -> str:
    """The variable and credential that hold a secret: upper case, everything but ASCII letters and digits as `_`."""
    return re.sub(r"[^A-Z0-9]", "_", f"{provider}_{name}_{tenant}".upper())


def find_clashes(secrets: Iterable[tuple[str, str, str]]) -> list[SecretClash]:
    """Secrets that share a variable, because their names differ only in what becomes `_`.

    Args:
        secrets: provider slug, secret name and tenant slug of every secret in use.
    """
    owners: defaultdict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for owner in secrets:
        owners[variable_name(*owner)].add(owner)
    return [SecretClash(name, tuple(sorted(who))) for name, who in sorted(owners.items()) if len(who) > 1]


def _fault(secret: str) -> str | None:
    """Why a text cannot be a secret, in Portuguese; None when it can."""
    if not secret.strip():
        return "está vazio"
    if len(secret) < MIN_CHARS:
        return f"tem menos de {MIN_CHARS} caracteres"
    if any(char.isspace() for char in secret):
        return "contém espaço ou quebra de linha"
    if not all(char.isprintable() and char <= "\xff" for char in secret):
        return "contém um caractere que não cabe em um cabeçalho HTTP"
    return None


def _sentence(variable: str, name: str, provider: str, tenant: str, *, verb: str = "defina") -> str:
    return (
        f'o segredo "{name}" do provedor {provider} para o escritório {tenant}: {verb} a variável de ambiente '
        f"{variable} ou a credencial systemd {variable}"
    )
