"""The pure modules of the page, called in a browser: what a card says, schedules as choices, durations, sessions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from drena import page as shipped

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from page.chromium import Chromium


ZONE = ZoneInfo("America/Sao_Paulo")
BEFORE = "2026-11-24T11:00:00Z"
NOW = "2026-11-24T12:00:00Z"
INTEGRATION = {"id": "i", "is_enabled": True, "paused": False, "last_status": None}
JOB = {"id": "j", "status": "pending", "attempts": 0, "run_at": NOW, "created_at": NOW, "cancel_requested_at": None}


Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def ask(chromium: Chromium) -> Ask:
    """Calls an exported function: `ask("model.js cardOf", …)`. The browser gets the files without a server."""
    assets = shipped.load_assets()

    def answer(route: Any) -> None:
        asset = assets.get(route.request.url.removeprefix("http://page.test/"))
        body, media_type = ("", "text/html") if asset is None else (asset.body, asset.media_type)
        route.fulfill(content_type=media_type, body=body)

    def open_page(browser: Any) -> Page:
        page = browser.new_page(timezone_id=ZONE.key)
        page.route("http://page.test/**", answer)
        page.goto("http://page.test/")
        return page

    page = chromium.call_sync(open_page)
    code = "async ([module, name, args]) => (await import('/' + module))[name](...args)"

    def call(what: str, *args: Any) -> Any:
        module, name = what.split()
        return chromium.call_sync(lambda _: page.evaluate(code, [module, name, list(args)]))

    return call


@pytest.mark.parametrize(
    "integration, jobs, state",
    [
        ({}, [], "configured"),
        ({"is_enabled": False}, [], "disabled"),
        ({"paused": True}, [], "paused"),
        ({"last_status": "error"}, [], "error"),
        ({"last_status": "running"}, [], "configured"),
        ({}, [{}], "pending"),
        ({"paused": True}, [{}], "paused"),
        ({}, [{"run_at": "2026-11-24T11:59:30Z"}], "waiting"),
        ({}, [{"run_at": "2026-11-24T12:05:00Z"}], "scheduled"),
        ({}, [{"run_at": "2026-11-24T12:00:30Z", "attempts": 1}], "retrying"),
        ({}, [{"run_at": "2026-11-24T11:50:00Z", "attempts": 1}], "waiting"),
        ({"paused": True}, [{"status": "running"}], "running"),
        ({}, [{"status": "running", "cancel_requested_at": NOW}], "canceling"),
        ({}, [{"status": "success", "finished_at": NOW}, {"id": "k", "status": "running"}], "running"),
        ({}, [{"status": "success", "finished_at": BEFORE}, {"status": "error", "finished_at": NOW}], "error"),
        ({"is_enabled": False}, [{"status": "success", "finished_at": NOW}], "disabled"),
    ],
)  # fmt: skip
def test_a_card_says_what_matters_most(ask: Ask, integration: Any, jobs: Any, state: str):
    now_ms = 1_795_521_600_000
    card = ask("model.js cardOf", INTEGRATION | integration, [JOB | job for job in jobs], now_ms)
    assert card["state"] == state


@pytest.mark.parametrize(
    "cron, said",
    [
        ("15 * * * *", "a cada hora, aos 15 min"),
        ("0 */6 * * *", "a cada 6 horas, aos 0 min"),
        ("5 7 * * *", "todos os dias às 07:05"),
        ("30 6 * * 1-5", "de segunda a sexta às 06:30"),
        ("30 6 * * MON-FRI", "de segunda a sexta às 06:30"),
        ("0 22 * * 7", "toda semana, domingo, às 22:00"),
        ("0 8 1 * *", "todo mês, no dia 1, às 08:00"),
        ("*/10 8-18 * * 1-5", "cron */10 8-18 * * 1-5"),
        ("0 0 1 1 *", "cron 0 0 1 1 *"),
        ("0 */5 * * *", "cron 0 */5 * * *"),
    ],
)
def test_a_schedule_is_said_in_words_and_survives_the_form(ask: Ask, cron: str, said: str):
    assert ask("cron.js describe", "pt", cron) == said
    choice = ask("cron.js choiceOf", cron)
    again = ask("cron.js cronOf", choice)
    assert ask("cron.js describe", "pt", again) == said


@pytest.mark.parametrize(
    "seconds, short, said",
    [
        (0, False, "0 s"),
        (59.6, False, "1 min"),
        (200, False, "3 min 20 s"),
        (3600, False, "1 h"),
        (90_000, True, "1 dia"),
    ],
)
def test_a_duration_has_two_units_at_most(ask: Ask, seconds: float, short: bool, said: str):
    assert ask("format.js duration", "pt", seconds, short) == said


@pytest.mark.parametrize(
    "chosen, browser, spoken",
    [(None, ["de-DE", "en-US"], "en"), (None, ["pt-PT"], "pt"), (None, ["de"], "pt"), ("en", ["pt-BR"], "en")],
)
def test_the_page_speaks_the_first_of_the_browsers_languages_it_knows(
    ask: Ask, chosen: str | None, browser: list[str], spoken: str
):
    assert ask("preferences.js languageOf", chosen, browser) == spoken


def test_a_search_forgives_accents_case_and_order(ask: Ask):
    assert ask("model.js matches", "HORIZONTE acess", ["Horizonte Contábil", "Acessórias"])
    assert ask("model.js matches", "contabil", ["Horizonte Contábil"])
    assert not ask("model.js matches", "contabil norte", ["Horizonte Contábil"])


@pytest.mark.parametrize(
    "at,said",
    [
        ("2026-11-24T17:05", "17:05"),
        ("2026-11-25T05:17", "amanhã, 05:17"),
        ("2026-11-23T23:59", "ontem, 23:59"),
        ("2026-11-28T05:17", "28 de nov, 05:17"),
        ("2027-01-02T05:17", "2 de jan de 2027, 05:17"),
    ],
)
def test_a_moment_near_today_is_told_by_name(ask: Ask, at: str, said: str):
    now, then = (datetime.fromisoformat(each).replace(tzinfo=ZONE) for each in ("2026-11-24T12:00", at))
    assert ask("format.js moment", "pt", then.timestamp() * 1000, now.timestamp() * 1000) == said


@pytest.mark.parametrize(
    "lang,name,said",
    [
        ("pt", "America/Sao_Paulo", "Horário de Brasília"),
        ("en", "America/Sao_Paulo", "Brasilia Time"),
        ("pt", "UTC", "UTC"),
        ("pt", "Mars/Olympus_Mons", "Mars/Olympus Mons"),
    ],
)
def test_a_time_zone_is_called_as_people_call_it(ask: Ask, lang: str, name: str, said: str):
    assert ask("format.js zone", lang, name) == said
