"""Providers' secrets: where they are looked for, and the sentence when they are not right."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drena.api import GiveUp
from drena.redaction import Redactor
from drena.secrets import SecretStore, find_clashes, variable_name

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
