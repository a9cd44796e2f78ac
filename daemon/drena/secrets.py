"""Providers' secrets, read anew for each attempt: from a plugin, systemd credentials, the environment, or a file.

`ACESSORIAS_TOKEN_CONTMAX` is the secret `token` of provider `acessorias` for the tenant with the slug `contmax`: as a
file in `$CREDENTIALS_DIRECTORY`, as a variable, and as a line `ACESSORIAS_TOKEN_CONTMAX=value` of the file that
`secrets.file` names. The first source that has it counts, in this order; a plugin is asked before all of them. Reading
at each attempt means that a secret rotated in the file, or by the plugin, needs no restart. The file may hold every
secret of the house, so it is refused when anybody but its owner can read or change it. Everything handed out is
registered with the redactor first.
"""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .errors import ConfigError
from .redaction import MIN_CHARS, Redactor
from .texts.troubles import Delay, Refusal

MAX_BYTES: Final = 64 * 1024
MAX_FILE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SecretClash:
    """Two or more secrets that would be read from the same variable."""

    variable: str
    owners: tuple[tuple[str, str, str], ...]
    """Provider slug, secret name and tenant slug of each."""


@dataclass(frozen=True, slots=True)
class Found:
    """A secret, and where it is: never shown together."""

    value: str
    source: str


class SecretFault(Exception):
    """Why a file of secrets is not used: a sentence in English, and one in Portuguese for the office's users."""

    def __init__(self, english: str, portuguese: str) -> None:
        super().__init__(english)
        self.portuguese = portuguese


class SecretStore:
    """Reads secrets.

    Args:
        environ: the process's environment; `CREDENTIALS_DIRECTORY` names systemd's folder.
        redactor: learns every secret before anybody else does.
        file: `secrets.file`.
        plugins: names, and functions of tenant, provider and secret, that are asked first; None leaves it to the next.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        redactor: Redactor,
        *,
        file: Path | None = None,
        plugins: Sequence[tuple[str, Callable[[str, str, str], object]]] = (),
    ) -> None:
        self._environ = environ
        self._redactor = redactor
        self._file = file
        self._plugins = plugins

    def read(self, provider: str, name: str, tenant: str) -> str:
        """A tenant's secret, without the line end that editors add.

        Args:
            provider: the provider's slug.
            name: the secret's name, as the provider declares it.
            tenant: the tenant's slug.

        Raises:
            Refusal: `secret_missing`, or `secret_malformed` when it cannot be a header; the sentence says which
                variable and credential to set and never holds the value.
            Delay: `secret_unavailable`: a plugin that was asked for it failed.
        """
        found = self._find(provider, name, tenant)
        if found is None:
            portuguese, english = _whose(provider, name, tenant, "defina", "set")
            raise Refusal("secret_missing", f"Falta {portuguese}.", f"Missing: {english}.")
        secret = found.value.rstrip("\r\n")
        self._redactor.add(secret.strip())
        if fault := _fault(secret):
            portuguese, english = _whose(provider, name, tenant, "corrija", "correct")
            raise Refusal(
                "secret_malformed",
                f"Não serve, porque {fault[0]}, {portuguese}.",
                f"Unusable, for it {fault[1]}: {english}.",
            )
        return secret

    def source(self, provider: str, name: str, tenant: str) -> str | None:
        """Where a secret comes from, in words; None when nobody has it.

        Raises:
            Refusal, Delay: as `read`.
        """
        found = self._find(provider, name, tenant)
        return None if found is None else found.source

    def expect_safe_file(self) -> None:
        """Prove at the start that `secrets.file`, if there is one, can be used.

        Raises:
            ConfigError: one sentence: it is not there, not readable, not safe, or not a list of secrets.
        """
        if self._file is not None:
            try:
                read_secret_file(self._file)
            except SecretFault as fault:
                raise ConfigError(str(fault)) from None

    def _find(self, provider: str, name: str, tenant: str) -> Found | None:
        variable = variable_name(provider, name, tenant)
        return (
            self._of_plugins(provider, name, tenant)
            or self._credential(variable)
            or self._variable(variable)
            or self._in_file(variable)
        )

    def _of_plugins(self, provider: str, name: str, tenant: str) -> Found | None:
        for plugin, ask in self._plugins:
            try:
                answer = ask(tenant, provider, name)
            except Exception as error:  # noqa: BLE001  # a plugin may raise anything, its text may hold the secret
                kind = type(error).__name__
                raise Delay(
                    "secret_unavailable",
                    f'O plugin {plugin} não entregou o segredo "{name}" ({kind}).',
                    f'The plugin {plugin} did not hand over the secret "{name}" ({kind}).',
                ) from None
            if isinstance(answer, str):
                return Found(answer, f"plugin {plugin}")
            if answer is not None:
                raise Refusal(
                    "secret_malformed",
                    f'O plugin {plugin} não entregou o segredo "{name}" como texto.',
                    f'The plugin {plugin} did not hand over the secret "{name}" as text.',
                )
        return None

    def _credential(self, variable: str) -> Found | None:
        folder = self._environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            return None
        try:
            with (Path(folder) / variable).open("rb") as file:
                value = file.read(MAX_BYTES).decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Refusal(
                "secret_missing",
                f"A credencial systemd {variable} existe, mas não pode ser lida; confira as permissões do arquivo.",
                f"The systemd credential {variable} exists but cannot be read; look at the file's permissions.",
            ) from error
        return Found(value, f"systemd credential {variable}")

    def _variable(self, variable: str) -> Found | None:
        value = self._environ.get(variable)
        return Found(value, f"environment {variable}") if value else None

    def _in_file(self, variable: str) -> Found | None:
        if self._file is None:
            return None
        try:
            value = read_secret_file(self._file).get(variable)
        except SecretFault as fault:
            raise Refusal("secret_file_unusable", fault.portuguese, str(fault)) from None
        return Found(value, f"file {self._file}") if value else None


def read_secret_file(path: Path) -> dict[str, str]:
    """The secrets of a file: lines `NAME=value`; empty lines and those that begin with `#` say nothing.

    Raises:
        SecretFault: see there; a line is named by its number alone.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            _expect_safe(path, os.fstat(handle))
            text = file.read(MAX_FILE_BYTES).decode("utf-8", "surrogateescape")
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else "?"
        raise SecretFault(
            f"The file of secrets {path} cannot be read: {reason}.",
            f"O arquivo de segredos {path} não pode ser lido; avise o suporte.",
        ) from error
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not re.fullmatch(r"[A-Z0-9_]+", name.strip()):
            raise SecretFault(
                f"Line {number} of the file of secrets {path} is not NAME=value, with a name in upper case.",
                f"A linha {number} do arquivo de segredos {path} não é NOME=valor; avise o suporte.",
            )
        found[name.strip()] = value.strip()
    return found


def _expect_safe(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SecretFault(
            f"The file of secrets {path} is not a regular file.",
            f"O arquivo de segredos {path} não é um arquivo comum; avise o suporte.",
        )
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretFault(
            f"The file of secrets {path} is open to others than its owner: run `chmod 600 {path}`.",
            f"O arquivo de segredos {path} está aberto a outros usuários do sistema: rode `chmod 600 {path}`.",
        )
    if status.st_uid not in (0, os.geteuid()):
        raise SecretFault(
            f"The file of secrets {path} belongs to another user: give it to the user Drena runs as.",
            f"O arquivo de segredos {path} pertence a outro usuário do sistema; avise o suporte.",
        )


def variable_name(provider: str, name: str, tenant: str) -> str:
    """The variable and credential that hold a secret: upper case, everything but ASCII letters and digits as `_`. An
    observer's secrets belong to no tenant: theirs is empty."""
    return re.sub(r"[^A-Z0-9]", "_", "_".join(part for part in (provider, name, tenant) if part).upper())


def find_clashes(secrets: Iterable[tuple[str, str, str]]) -> list[SecretClash]:
    """Secrets that share a variable, because their names differ only in what becomes `_`.

    Args:
        secrets: provider slug, secret name and tenant slug of every secret in use.
    """
    owners: defaultdict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for owner in secrets:
        owners[variable_name(*owner)].add(owner)
    return [SecretClash(name, tuple(sorted(who))) for name, who in sorted(owners.items()) if len(who) > 1]


def _fault(secret: str) -> tuple[str, str] | None:
    """Why a text cannot be a secret, in Portuguese and English; None when it can."""
    if not secret.strip():
        return "está vazio", "is empty"
    if len(secret) < MIN_CHARS:
        return f"tem menos de {MIN_CHARS} caracteres", f"has fewer than {MIN_CHARS} characters"
    if any(char.isspace() for char in secret):
        return "contém espaço ou quebra de linha", "contains a space or a line break"
    if not all(char.isprintable() and char <= "\xff" for char in secret):
        return "contém um caractere que não cabe em um cabeçalho HTTP", "contains a character that no HTTP header holds"
    return None


def _whose(provider: str, name: str, tenant: str, fazer: str, do: str) -> tuple[str, str]:
    """Which secret, and where to put it right, in Portuguese and English."""
    variable = variable_name(provider, name, tenant)
    whose = (
        f"do provedor {provider} para o escritório {tenant}",
        f"of the provider {provider} for the tenant {tenant}",
    )
    if not tenant:
        whose = (f"de {provider}", f"of {provider}")
    portuguese = f"{fazer} a variável de ambiente {variable} ou a credencial systemd {variable}"
    english = f"{do} the environment variable {variable} or the systemd credential {variable}"
    return f'o segredo "{name}" {whose[0]}: {portuguese}', f'the secret "{name}" {whose[1]}: {english}'
