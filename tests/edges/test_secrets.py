"""Providers' secrets: where they are looked for, and the sentence when they are not right."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drena.api import GiveUp, RetryLater
from drena.errors import ConfigError
from drena.redaction import Redactor
from drena.secrets import SecretStore, find_clashes, variable_name
from drena.texts.troubles import words_of

NAME = "ACESSORIAS_TOKEN_CONTMAX"
WHO = ("acessorias", "token", "contmax")


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def store(**environ: str) -> SecretStore:
    return SecretStore(environ, Redactor())


def refused(store: SecretStore) -> GiveUp:
    with pytest.raises(GiveUp) as caught:
        store.read(*WHO)
    assert "\n" not in caught.value.message
    return caught.value


def in_english(store: SecretStore) -> str:
    return words_of(refused(store), "en")


def test_the_environment_is_read_anew_each_time():
    environ = {NAME: "first-token"}
    secrets = SecretStore(environ, Redactor())
    assert secrets.read(*WHO) == "first-token"
    environ[NAME] = "second-token"
    assert secrets.read(*WHO) == "second-token"


def test_a_credential_wins_over_the_environment_and_loses_its_line_end(folder):
    (folder / NAME).write_bytes(b"from-credential\r\n")
    assert store(CREDENTIALS_DIRECTORY=str(folder), **{NAME: "from-environment"}).read(*WHO) == "from-credential"


def test_without_the_credential_file_the_environment_counts(folder):
    assert store(CREDENTIALS_DIRECTORY=str(folder), **{NAME: "from-environment"}).read(*WHO) == "from-environment"


@pytest.mark.parametrize("environ", [{}, {NAME: ""}])
def test_a_missing_secret_names_variable_and_credential_in_portuguese(environ):
    error = refused(store(**environ))
    assert error.code == "secret_missing"
    assert f"variável de ambiente {NAME}" in error.message
    assert f"credencial systemd {NAME}" in error.message
    assert "contmax" in error.message
    assert in_english(store(**environ)) == (
        'Missing: the secret "token" of the provider acessorias for the tenant contmax: '
        f"set the environment variable {NAME} or the systemd credential {NAME}."
    )


@pytest.mark.parametrize(
    "value, fault",
    [
        ("\n", "vazio"),
        ("   ", "vazio"),
        ("abc", "menos de 4"),
        ("geheim token", "espaço"),
        (" geheim", "espaço"),
        ("geheim\ntoken", "espaço"),
        ("geheim\x00token", "cabeçalho"),
        ("geheim\x7f", "cabeçalho"),
        ("geheim€", "cabeçalho"),
    ],
)
def test_a_malformed_secret_is_refused_without_telling_it(folder, value, fault):
    (folder / NAME).write_bytes(value.encode())
    error = refused(store(CREDENTIALS_DIRECTORY=str(folder)))
    assert error.code == "secret_malformed"
    assert fault in error.message
    assert NAME in error.message
    assert "geheim" not in error.message


def test_bytes_that_are_no_text_are_refused(folder):
    (folder / NAME).write_bytes(b"geheim\xff\xfe")
    assert refused(store(CREDENTIALS_DIRECTORY=str(folder))).code == "secret_malformed"


def test_a_credential_that_cannot_be_read_says_so(folder):
    (folder / NAME).mkdir()
    error = refused(store(CREDENTIALS_DIRECTORY=str(folder)))
    assert error.code == "secret_missing"
    assert "não pode ser lida" in error.message


def test_latin_letters_are_allowed():
    assert store(**{NAME: "senhaÇã1"}).read(*WHO) == "senhaÇã1"


def test_every_secret_handed_out_is_known_to_the_redactor_first():
    redactor = Redactor()
    secret = SecretStore({NAME: "tok-123456"}, redactor).read(*WHO)
    assert redactor.text(f"sent {secret}") == "sent ***"


def test_a_malformed_secret_is_hidden_too():
    redactor = Redactor()
    with pytest.raises(GiveUp):
        SecretStore({NAME: " tok-123 456 "}, redactor).read(*WHO)
    assert redactor.text("<tok-123 456>") == "<***>"


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_any_slug_gives_a_variable_and_no_path(provider, name, tenant):
    assert re.fullmatch(r"[A-Z0-9_]+", variable_name(provider, name, tenant))


def test_names_follow_the_rule():
    assert variable_name("acessorias", "token", "contmax") == NAME
    assert variable_name("one-code", "api.key", "são josé") == "ONE_CODE_API_KEY_S_O_JOS_"


def test_two_tenants_that_would_share_a_secret_are_found():
    owners = [("x", "token", slug) for slug in ("cont-max", "cont_max", "other")] + [("x", "token", "other")]
    (clash,) = find_clashes(owners)
    assert clash.variable == "X_TOKEN_CONT_MAX"
    assert clash.owners == (("x", "token", "cont-max"), ("x", "token", "cont_max"))
    assert find_clashes([("a", "b_c", "d"), ("a_b", "c", "d")])
    assert os.sep not in clash.variable


# The file of secrets --------------------------------------------------------------------------------------------------


@pytest.fixture
def secret_file(folder):
    path = folder / "secrets.env"
    path.write_text("# of the house\n\nACESSORIAS_TOKEN_CONTMAX = from-file \nOTHER=x=y\n")
    path.chmod(0o600)
    return path


def test_a_file_is_the_last_source_and_read_anew_each_time(secret_file):
    secrets = SecretStore({}, Redactor(), file=secret_file)
    assert secrets.read(*WHO) == "from-file"
    secret_file.write_text(f"{NAME}=rotated-token\n")
    assert secrets.read(*WHO) == "rotated-token"
    assert SecretStore({NAME: "from-environment"}, Redactor(), file=secret_file).read(*WHO) == "from-environment"
    secret_file.write_text("")
    assert refused(SecretStore({}, Redactor(), file=secret_file)).code == "secret_missing"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o602, 0o601, 0o644])
def test_a_file_that_is_open_to_others_is_refused_with_what_to_do(secret_file, mode):
    secret_file.chmod(mode)
    secrets = SecretStore({}, Redactor(), file=secret_file)
    error = refused(secrets)
    assert error.code == "secret_file_unusable"
    assert f"chmod 600 {secret_file}" in error.message
    with pytest.raises(ConfigError) as caught:
        secrets.expect_safe_file()
    assert f"chmod 600 {secret_file}" in str(caught.value)
    assert "from-file" not in str(caught.value) + error.message
    secret_file.chmod(0o400)
    secrets.expect_safe_file()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_somebody_else_is_refused(secret_file):
    os.chown(secret_file, 4242, 4242)
    assert "outro usuário" in refused(SecretStore({}, Redactor(), file=secret_file)).message


@pytest.mark.parametrize("line", ["geheim-alone", "lower=geheim", "=geheim", "A B=geheim", "ação=geheim"])
def test_a_line_that_is_none_is_named_by_its_number(secret_file, line):
    secret_file.write_text(f"GOOD=geheim\n{line}\n")
    with pytest.raises(ConfigError, match="Line 2") as caught:
        SecretStore({}, Redactor(), file=secret_file).expect_safe_file()
    assert "geheim" not in str(caught.value)


def test_what_is_no_file_is_refused_and_holds_nobody_up(folder):
    os.mkfifo(folder / "pipe", 0o600)
    for path in (folder / "pipe", folder, folder / "gone"):
        with pytest.raises(ConfigError, match="file of secrets"):
            SecretStore({}, Redactor(), file=path).expect_safe_file()
    SecretStore({}, Redactor()).expect_safe_file()


def test_the_source_of_a_secret_is_told_without_the_secret(folder, secret_file):
    def told(**more):
        return SecretStore(more.pop("environ", {}), Redactor(), **more).source(*WHO)

    assert told() is None
    assert told(file=secret_file) == f"file {secret_file}"
    assert told(environ={NAME: "tok-123456"}, file=secret_file) == f"environment {NAME}"
    (folder / NAME).write_text("tok-123456")
    both = {NAME: "tok-123456", "CREDENTIALS_DIRECTORY": str(folder)}
    assert told(environ=both) == f"systemd credential {NAME}"
    assert told(environ=both, plugins=[("vault", lambda *_: "tok-123456")]) == "plugin vault"


# Plugins that know secrets --------------------------------------------------------------------------------------------


def test_a_plugin_is_asked_first_and_may_leave_it_to_the_others():
    asked = []

    def vault(tenant, provider, name):
        asked.append((tenant, provider, name))
        return "from-vault" if tenant == "contmax" else None

    redactor = Redactor()
    secrets = SecretStore({NAME: "x-environment", "ACESSORIAS_TOKEN_SOLARIS": "y-environment"}, redactor,
                          plugins=[("none", lambda *_: None), ("vault", vault)])  # fmt: skip
    assert secrets.read(*WHO) == "from-vault"
    assert secrets.read("acessorias", "token", "solaris") == "y-environment"
    assert asked == [("contmax", "acessorias", "token"), ("solaris", "acessorias", "token")]
    assert redactor.text("<from-vault>") == "<***>"


def test_a_plugin_that_fails_makes_the_attempt_wait_and_tells_no_secret():
    def vault(tenant, provider, name):
        raise ConnectionError("geheim")

    with pytest.raises(RetryLater) as caught:
        SecretStore({NAME: "x-environment"}, Redactor(), plugins=[("vault", vault)]).read(*WHO)
    assert caught.value.code == "secret_unavailable"
    assert "vault" in caught.value.reason
    assert "geheim" not in caught.value.reason


def test_a_plugin_that_answers_with_something_else_is_named():
    error = refused(SecretStore({}, Redactor(), plugins=[("vault", lambda *_: b"geheim")]))
    assert error.code == "secret_malformed"
    assert "vault" in error.message
