"""The configuration: every wrong input gets one sentence that names the place and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from drena.config import Config, describe, load_config, prepare_state_dir, read_config
from drena.config.places import default_state_dir
from drena.config.schema import settings_of
from drena.config.sources import variable_of
from drena.errors import ConfigError, Exit

HOME = {"HOME": "/home/ana"}
SETTINGS = list(settings_of(Config))


@pytest.fixture
def load(tmp_path):
    def load(toml: str = "", **environ: str) -> Config:
        file = tmp_path / "drena.toml"
        file.write_text(toml, encoding="utf-8")
        return load_config(file, {**HOME, **environ}, default_file=tmp_path / "none.toml")

    return load


def wrong(load, toml: str = "", **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(toml, **environ)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.exit_code is Exit.CONFIGURATION
    return text


def test_without_any_source_the_defaults_stand(tmp_path):
    config = load_config(None, HOME, default_file=tmp_path / "none.toml")
    assert config.database.url is None
    assert config.lease.lease_s == 15.0
    assert config.tenant.max_jobs == 2
    assert config.provider("acessorias").proxy is None


def test_the_environment_wins_over_the_file_key_by_key(load):
    config = load("[lease]\nlease_s = 30\n[poll]\npoll_s = 1", DRENA_LEASE__LEASE_S="7.5")
    assert (config.lease.lease_s, config.poll.poll_s) == (7.5, 1.0)


def test_texts_of_the_environment_take_the_setting_s_type(load):
    config = load(
        DRENA_NODE__MAX_JOBS="7",
        DRENA_PLUGINS__DISABLED="one, two,,",
        DRENA_PLUGINS__PATH="/opt/a,/opt/b",
        DRENA_LOG__LEVEL="debug",
        DRENA_STATE_DIR="~/x",
    )
    assert config.node.max_jobs == 7
    assert config.plugins.disabled == ("one", "two")
    assert config.plugins.path == (Path("/opt/a"), Path("/opt/b"))
    assert config.log.level == "debug"
    assert config.state_dir == Path("~/x").expanduser()


def test_a_provider_s_overrides_come_from_file_and_environment(load):
    config = load(
        "[providers.acessorias]\nrequests_per_minute = 45\nmax_jobs = 3",
        DRENA_PROVIDERS__ACESSORIAS__MAX_JOBS="1",
        DRENA_PROVIDERS__TWO__PARTS__DEADLINE_S="60",
    )
    assert config.provider("acessorias").requests_per_minute == 45
    assert config.provider("acessorias").max_jobs == 1
    assert config.provider("two__parts").deadline_s == 60


def test_an_empty_variable_counts_as_absent(load):
    assert load("[node]\nmax_jobs = 5", DRENA_NODE__MAX_JOBS="").node.max_jobs == 5


@pytest.mark.parametrize(
    "toml, named, near",
    [
        ("[lease]\nlease = 3", "lease.lease", "lease.lease_s"),
        ("[databse]\nurl = 'x'", "databse", "database"),
        ("[providers.x]\nrequest_per_minute = 3", "providers.x.request_per_minute", "providers.x.requests_per_minute"),
        ("state_dirr = '/x'", "state_dirr", "state_dir"),
    ],
)
def test_an_unknown_key_is_an_error_that_names_the_nearest(load, toml, named, near):
    text = wrong(load, toml)
    assert f"`{named}`" in text
    assert f"`{near}`?" in text
    assert "drena.toml" in text


@pytest.mark.parametrize(
    "variable, near",
    [
        ("DRENA_DATABASE__ULR", "DRENA_DATABASE__URL"),
        ("DRENA_DATABASE_URL", "DRENA_DATABASE__URL"),
        ("DRENA_PROVIDERS__ACESSORIAS__PROXI", "DRENA_PROVIDERS__ACESSORIAS__PROXY"),
    ],
)
def test_an_unknown_variable_is_an_error_that_names_the_nearest(load, variable, near):
    text = wrong(load, **{variable: "postgresql://u:geheim@h/d"})
    assert variable in text
    assert f"`{near}`?" in text
    assert "geheim" not in text


@pytest.mark.parametrize("text", ['["/opt/a", "/opt/b"]', ' ["/opt/a","/opt/b"] ', "/opt/a, /opt/b"])
def test_a_list_of_the_environment_is_json_or_parts_between_commas(load, text):
    assert load(DRENA_PLUGINS__PATH=text).plugins.path == (Path("/opt/a"), Path("/opt/b"))


@pytest.mark.parametrize("text", ['["/opt/a", "/opt/b"', "['/opt/a']", "[1]"])
def test_half_a_json_list_is_refused_and_not_taken_for_a_folder(load, text):
    with pytest.raises(ConfigError, match=r"plugins\.path.* a list of texts \(DRENA_PLUGINS__PATH\)"):
        load(DRENA_PLUGINS__PATH=text)


@pytest.mark.parametrize(
    "toml, parts",
    [
        ("[node]\nmax_jobs = 'many'", ["node.max_jobs", "'many'", "a whole number from 1 up to 100000"]),
        ("[node]\nmax_jobs = 2.5", ["node.max_jobs", "2.5"]),
        ("[node]\nmax_jobs = true", ["node.max_jobs", "True"]),
        ("[lease]\nlease_s = 0", ["lease.lease_s", "a number above 0"]),
        ("[lease]\nlease_s = inf", ["lease.lease_s", "inf"]),
        ("[lease]\nlease_s = nan", ["lease.lease_s", "nan"]),
        ("[log]\nlevel = 'loud'", ["log.level", "`warning`"]),
        ("[plugins]\npath = 'x'", ["plugins.path", "a list of texts"]),
        ("[plugins]\ndisabled = [1]", ["plugins.disabled", "a list of texts"]),
        ("state_dir = ''", ["state_dir", "a path"]),
        ("lease = 3", ["`lease` is a section"]),
        ("providers = 3", ["`providers` is a section"]),
        ("[providers]\nacessorias = 3", ["`providers.acessorias` is a section"]),
        ("[retry]\nbase_s = 10\ncap_s = 5", ["retry.base_s", "retry.cap_s"]),
        ("[database]\nlisten_url = 'postgresql://h/d'", ["database.listen_url", "database.url"]),
        ("[providers.Acessorias]\nmax_jobs = 1", ["providers.Acessorias", "lower-case"]),
        ("[providers.'*']\nmax_jobs = 1", ["providers.*", "lower-case"]),
        ("[providers.x]\nproxy = 'ftp://h'", ["providers.x.proxy", "http://"]),
    ],
)
def test_a_wrong_value_names_key_value_and_what_is_expected(load, toml, parts):
    text = wrong(load, toml)
    for part in parts:
        assert part in text


@pytest.mark.parametrize("value", ["42", "'mysql://u:geheim@h/d'", "['geheim']", "'http://[geheim'"])
def test_a_wrong_database_url_is_never_repeated(load, value):
    text = wrong(load, f"[database]\nurl = {value}")
    assert "database.url" in text
    assert "geheim" not in text


def test_wrong_toml_names_file_and_line_but_no_value(load):
    text = wrong(load, "[database]\nurl = geheim\n")
    assert "drena.toml" in text
    assert "line 2" in text
    assert "geheim" not in text


def test_a_file_that_is_missing_unreadable_or_not_text_is_named(tmp_path):
    missing, binary = tmp_path / "no.toml", tmp_path / "b.toml"
    binary.write_bytes(b"a = '\xff'")
    for file, words in [(missing, "no such file"), (tmp_path, "is a directory"), (binary, "not UTF-8")]:
        with pytest.raises(ConfigError, match=words) as caught:
            load_config(None, {**HOME, "DRENA_CONFIG": str(file)})
        assert str(file) in str(caught.value)


def test_the_default_file_is_read_only_when_it_exists_and_no_other_is_named(tmp_path):
    default, other = tmp_path / "default.toml", tmp_path / "other.toml"
    default.write_text("[node]\nname = 'default'")
    other.write_text("")
    assert load_config(None, HOME, default_file=default).node.name == "default"
    assert load_config(other, HOME, default_file=default).node.name is None


@pytest.mark.parametrize(
    "environ, root, place",
    [
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", **HOME}, True, "/var/lib/a"),
        (HOME, True, "/var/lib/drena"),
        ({"XDG_STATE_HOME": "/s", **HOME}, False, "/s/drena"),
        ({"XDG_STATE_HOME": "relative", **HOME}, False, "/home/ana/.local/state/drena"),
        (HOME, False, "/home/ana/.local/state/drena"),
    ],
)
def test_the_state_directory_has_a_place_for_everybody(environ, root, place):
    assert default_state_dir(environ, root=root) == Path(place)


def test_nowhere_to_keep_state_says_what_to_set():
    with pytest.raises(ConfigError, match="DRENA_STATE_DIR"):
        default_state_dir({}, root=False)


def test_a_state_directory_is_created_for_its_owner_alone(tmp_path):
    made = prepare_state_dir(tmp_path / "a" / "b")
    assert made.stat().st_mode & 0o777 == 0o700
    assert list(made.iterdir()) == []


def test_a_state_directory_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="state_dir") as caught:
        prepare_state_dir(tmp_path / "file" / "x")
    assert str(tmp_path) in str(caught.value)


def test_describe_names_each_key_once_with_its_source_and_no_password(tmp_path):
    file = tmp_path / "drena.toml"
    file.write_text("[database]\nurl = 'postgresql://ana:geheim@h:5432/d'\n[providers.x]\nproxy = 'http://u:geheim@p'")
    loaded = read_config(file, {**HOME, "DRENA_LOG__LEVEL": "debug"})
    lines = {line.key: line for line in describe(loaded)}
    assert len(lines) == len(describe(loaded))
    assert lines["database.url"].value == "postgresql://ana:***@h:5432/d"
    assert lines["database.url"].source == f"file {file}"
    assert lines["log.level"].source == "DRENA_LOG__LEVEL"
    assert lines["log.level"].default == "info"
    assert lines["lease.lease_s"].source == "default"
    assert lines["lease.lease_s"].variable == "DRENA_LEASE__LEASE_S"
    assert lines["providers.x.proxy"].value == "http://u:***@p"
    assert "geheim" not in repr(list(lines.values()))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.key)
def test_every_setting_is_documented_on_the_page(setting):
    page = (Path(__file__).parents[2] / "daemon/drena/config/README.md").read_text(encoding="utf-8")
    assert setting.description.endswith(".")
    row = next((line for line in page.splitlines() if line.startswith(f"| `{setting.key}` |")), "")
    assert setting.description in row
    assert variable_of(setting.path).replace("*", "<SLUG>") in row


def test_the_page_documents_no_setting_that_is_gone():
    page = (Path(__file__).parents[2] / "daemon/drena/config/README.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert rows == {setting.key for setting in SETTINGS}
