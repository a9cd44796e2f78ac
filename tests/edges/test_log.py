"""The daemon's log: one line an event, a level that changes live, no secret whatever is logged."""

from __future__ import annotations

import io
import json
import logging
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drena.api import Logger
from drena.log import Log, StandardLogging, configure_logging, get_logger
from drena.redaction import Redactor

SECRET = "tok-Zx81-geheim"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def logged():
    made: list[tuple[Log, dict[str, int]]] = []

    def logged(stream: io.StringIO | None = None, **options) -> tuple[Log, io.StringIO]:
        out = stream or io.StringIO()
        before = {name: logging.getLogger(name).level for name in ("httpx2", "httpcore2")}
        made.append((configure_logging(redactor=Redactor([SECRET]), stream=out, environ={}, **options), before))
        return made[-1][0], out

    yield logged
    for log, before in made:
        log.close()
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def lines(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_level_event_and_fields(logged):
    _, out = logged()
    logger: Logger = get_logger(job="1").bind(tenant="contmax")
    logger.info("attempt started", attempt=1, at_page=None, cost=Decimal("1.5"), id=UUID(int=1))
    (line,) = lines(out)
    assert list(line)[:3] == ["at", "level", "event"]
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "info",
        "event": "attempt started",
        "job": "1",
        "tenant": "contmax",
        "attempt": 1,
        "at_page": None,
        "cost": "1.5",
        "id": str(UUID(int=1)),
    }


def test_the_level_changes_while_loggers_live(logged):
    log, out = logged(level="warning")
    logger = get_logger().bind(x=1)
    logger.info("one")
    log.level = "debug"
    logger.debug("two")
    log.level = "error"
    logger.warning("three")
    logger.error("four")
    assert [line["event"] for line in lines(out)] == ["two", "four"]


def test_a_logger_may_be_made_before_logging_is_configured(logged):
    logger = get_logger(job="1")
    _, out = logged()
    logger.info("late")
    assert lines(out)[0]["job"] == "1"


def test_fields_named_like_the_line_s_own_are_kept_beside_them(logged):
    _, out = logged()
    get_logger().info("x", level="high", event="y", at="z")
    (line,) = lines(out)
    assert (line["level"], line["event"]) == ("info", "x")
    assert (line["field_level"], line["field_event"], line["field_at"]) == ("high", "y", "z")


def test_an_exception_is_rendered_whole_and_without_secrets(logged):
    _, out = logged()
    try:
        try:
            raise ValueError(SECRET)
        except ValueError as error:
            raise ExceptionGroup("two", [error, RuntimeError(f"http://u:{SECRET}@h/")]) from error
    except ExceptionGroup:
        get_logger().exception("attempt failed")
    (line,) = lines(out)
    assert line["level"] == "error"
    assert "ExceptionGroup" in line["exception"]
    assert "RuntimeError" in line["exception"]
    assert SECRET not in out.getvalue()


class Settings(msgspec.Struct):
    token: str
    note: str


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "value",
    [
        f"Bearer {SECRET}",
        {"deep": [{"x": (SECRET,)}]},
        {SECRET: 1},
        SECRET.encode(),
        ValueError(SECRET),
        Path("/x") / SECRET,
        Settings(token="unknown-one", note=SECRET),
    ],
    ids=lambda v: type(v).__name__,
)
def test_no_secret_passes_in_any_kind_of_value(logged, value, form):
    _, out = logged(format=form)
    get_logger(bound=value).info(f"event {SECRET}", value=value)
    assert out.getvalue().count("\n") == 1
    assert SECRET not in out.getvalue()
    assert "unknown-one" not in out.getvalue()


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda k: k != "message"),
        st.recursive(
            st.one_of(st.text(st.characters()), st.integers(), st.floats(), st.binary(), st.none()),
            lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.integers(), inner)),
            max_leaves=5,
        ),
        max_size=4,
    ),
    st.sampled_from(["json", "console"]),
)
def test_whatever_is_logged_gives_one_line(fields, form):
    out = io.StringIO()
    log = configure_logging(redactor=Redactor([SECRET]), stream=out, format=form, environ={})
    try:
        get_logger().info("x\ny", **{f"f{key}": value for key, value in fields.items()})
    finally:
        log.close()
    text = out.getvalue()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    if form == "json":
        json.loads(text)


def test_a_terminal_gets_words_and_cannot_be_steered_from_outside(logged):
    _, out = logged(Terminal(), format="auto")
    get_logger().warning("answer", body="\x1b[2Jevil\nfake line")
    text = out.getvalue()
    assert "answer" in text
    assert "\x1b[2J" not in text
    assert text.count("\n") == 1
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


def test_no_color_keeps_a_terminal_plain(logged):
    out = Terminal()
    log = configure_logging(redactor=Redactor(), stream=out, environ={"NO_COLOR": "1"})
    get_logger().info("plain", x=1)
    log.close()
    assert "\x1b" not in out.getvalue()


def test_standard_logging_comes_through_redacted_and_chatty_libraries_do_not(logged):
    _log, out = logged(level="debug")
    logging.getLogger("httpx2").info("HTTP Request: GET http://h/?token=%s", SECRET)
    logging.getLogger("httpcore2.http11").debug("headers %s", SECRET)
    logging.getLogger("library").warning("careful with %s", SECRET)
    logging.getLogger("library").info("chatter")
    wrong = logging.LogRecord("library", logging.WARNING, "", 1, "wrong %d arguments", ("x",), None)
    StandardLogging().handle(wrong)
    found = lines(out)
    assert [line["event"] for line in found] == ["careful with ***", "wrong %d arguments"]
    assert found[0]["logger"] == "library"
    assert found[0]["level"] == "warning"


def test_configuring_twice_writes_each_line_once(logged):
    _, first = logged()
    _, second = logged()
    logging.getLogger("library").error("once")
    get_logger().info("me too")
    assert first.getvalue() == ""
    assert [line["event"] for line in lines(second)] == ["once", "me too"]


def test_a_closed_terminal_costs_the_line_and_nothing_else(logged):
    _, out = logged()
    out.close()
    get_logger().info("into the void")


def test_context_variables_reach_every_line(logged):
    import structlog

    _, out = logged()
    with structlog.contextvars.bound_contextvars(request_id="7"):
        get_logger().info("x")
    assert lines(out)[0]["request_id"] == "7"
