"""The section `[auth]`: what contradicts itself is refused, and its secret is shown to nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from access.issuing import ISSUER, SECRET
from drena.cli.scene import set_scene
from drena.config import describe, load_config, read_config
from drena.errors import ConfigError

GOOD = {"DRENA_AUTH__JWT_SECRET": SECRET, "DRENA_AUTH__ISSUER": ISSUER}
NOWHERE = Path("/nowhere/drena.toml")


def load(**environ):
    return read_config(None, {"HOME": "/root", **environ}, default_file=NOWHERE)


@pytest.mark.parametrize(
    "environ, said",
    [
        ({"DRENA_AUTH__JWT_SECRET": "too short", "DRENA_AUTH__ISSUER": ISSUER}, "auth.jwt_secret"),
        ({"DRENA_AUTH__JWT_SECRET": SECRET}, "auth.issuer"),
        ({"DRENA_AUTH__JWKS_URL": "https://x.test/jwks.json"}, "auth.issuer"),
        ({"DRENA_AUTH__JWKS_URL": "ftp://x.test", "DRENA_AUTH__ISSUER": ISSUER}, "auth.jwks_url"),
        ({"DRENA_AUTH__MODE": "closed"}, "auth.mode"),
        ({"DRENA_AUTH__JWT_SECRTE": "x"}, "DRENA_AUTH__JWT_SECRET"),
        ({"DRENA_AUTH__MEMBERSHIP_POLL_S": "0"}, "auth.membership_poll_s"),
        ({"DRENA_AUTH__MODE": "open", "DRENA_HTTP__LISTEN": "0.0.0.0:8764"}, "http.listen"),
        ({"DRENA_AUTH__MODE": "open", "DRENA_FEED__LISTEN": ":8765"}, "feed.listen"),
        ({"DRENA_HTTP__TLS_CERT": "/x.pem"}, "`http.tls_cert` and `http.tls_key` go together"),
        ({"DRENA_FEED__TLS_KEY": "/x.pem"}, "`feed.tls_cert` and `feed.tls_key` go together"),
        ({"DRENA_HTTP__CORS_ORIGINS": "*"}, "`http.cors_origins` holds `*`"),
        ({"DRENA_FEED__ORIGINS": "app.test"}, "`feed.origins` holds `app.test`"),
        ({"DRENA_HTTP__TRUSTED_PROXIES": "proxy.test"}, "`http.trusted_proxies` holds `proxy.test`"),
        ({"DRENA_FEED__TRUSTED_PROXIES": "proxy.test"}, "`feed.trusted_proxies` holds `proxy.test`"),
    ],
)
def test_what_contradicts_itself_is_refused_in_one_sentence_without_the_secret(environ, said):
    with pytest.raises(ConfigError) as caught:
        load(**environ)
    assert said in str(caught.value)
    assert "too short" not in str(caught.value).replace("is too short to be safe", "")
    assert SECRET not in str(caught.value)


def test_an_issuer_alone_tells_where_its_keys_are_and_a_secret_says_that_there_are_none():
    assert load(DRENA_AUTH__ISSUER=ISSUER).config.auth.keys_url == ISSUER + "/.well-known/jwks.json"
    assert load(DRENA_AUTH__ISSUER=ISSUER + "/").config.auth.keys_url == ISSUER + "/.well-known/jwks.json"
    assert load(**GOOD).config.auth.keys_url is None
    assert load().config.auth.keys_url is None
    both = load(**GOOD, DRENA_AUTH__JWKS_URL="https://x.test/keys")
    assert both.config.auth.keys_url == "https://x.test/keys"


def test_the_secret_is_not_in_what_explains_the_settings_and_is_taken_out_of_the_log(monkeypatch):
    loaded = load(**GOOD)
    assert SECRET not in str(describe(loaded))
    assert "***" in [line.value for line in describe(loaded) if line.key == "auth.jwt_secret"]
    for name, value in {**GOOD, "DRENA_CONFIG": "/dev/null", "DRENA_PLUGINS__PATH": ""}.items():
        monkeypatch.setenv(name, value)
    scene = set_scene(None, quiet=True)
    assert scene.redactor.text(f"<{SECRET}>") == "<***>"


def test_settings_with_a_password_may_be_systemd_credentials_which_win(tmp_path):
    (tmp_path / "DRENA_AUTH__JWT_SECRET").write_text(SECRET + "\n")
    (tmp_path / "DRENA_DATABASE__URL").write_text("postgresql://drena:geheim@db/office")
    (tmp_path / "DRENA_NODE__NAME").write_text("not a secret")
    (tmp_path / "ACESSORIAS_TOKEN_CONTMAX").write_text("somebody else's")
    environ = {**GOOD, "DRENA_AUTH__JWT_SECRET": "x" * 40, "CREDENTIALS_DIRECTORY": str(tmp_path)}
    loaded = load(**environ)
    assert loaded.config.auth.jwt_secret == SECRET
    assert loaded.config.database.url == "postgresql://drena:geheim@db/office"
    assert loaded.config.node.name is None
    shown = {line.key: (line.value, line.source) for line in describe(loaded)}
    assert shown["auth.jwt_secret"] == ("***", "systemd credential DRENA_AUTH__JWT_SECRET")
    assert shown["database.url"] == ("postgresql://drena:***@db/office", "systemd credential DRENA_DATABASE__URL")
    assert "geheim" not in json.dumps(shown, default=str)


def test_a_credential_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "DRENA_AUTH__JWT_SECRET").mkdir()
    with pytest.raises(ConfigError, match="DRENA_AUTH__JWT_SECRET"):
        load_config(None, {"HOME": "/root", "CREDENTIALS_DIRECTORY": str(tmp_path)}, default_file=NOWHERE)
