"""What a person does on the page, and looks for. Runs in the browser's thread."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

WATCH_BAR = """() => {
    window.seen = [];
    const look = () => {
        for (const bar of document.querySelectorAll('[role=progressbar][aria-valuenow]')) {
            const value = Number(bar.getAttribute('aria-valuenow'));
            if (window.seen.at(-1) !== value) window.seen.push(value);
        }
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


WATCH_STATES = """() => {
    window.states = [];
    const look = () => {
        const states = [...document.querySelectorAll('li.card')].map((card) => card.dataset.state).join(' ');
        if (window.states.at(-1) !== states) window.states.push(states);
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


def card_of(page: Page, office: str) -> Locator:
    """The card of the office with this slug."""
    return page.locator(".card", has_text=f"Escritório {office}")


def wait_live(page: Page) -> None:
    """Until the page is in step with the daemon, over its socket."""
    expect(page.locator(".chip")).to_have_text(re.compile("^(Ao vivo|Live)$"))
    expect(page.locator(".chip")).to_have_attribute("data-connection", "live")


def run(page: Page, office: str) -> None:
    """Click Executar."""
    card_of(page, office).locator("[data-act=run]").click()


def expect_state(page: Page, office: str, state: str | re.Pattern[str], *, timeout_ms: float | None = None) -> None:
    """Until the card says so."""
    expect(card_of(page, office)).to_have_attribute("data-state", state, timeout=timeout_ms)


def watch_bar(page: Page) -> None:
    """From now on remember every value that the bar shows."""
    page.evaluate(WATCH_BAR)


def seen_on_bar(page: Page) -> list[int]:
    """What it has shown since."""
    return page.evaluate("window.seen")


def watch_states(page: Page) -> None:
    """From now on remember what the cards say, all at once."""
    page.evaluate(WATCH_STATES)


def seen_on_cards(page: Page) -> list[str]:
    """What they have said since, as `running success`, one after the other."""
    return page.evaluate("window.states")


def notices(page: Page) -> Locator:
    """Every notice on the screen."""
    return page.locator(".notice")


def sign_in(page: Page, token: str) -> None:
    """Paste a token and press Enter."""
    page.get_by_label(re.compile("^(Token de acesso|Access token)$")).fill(token)
    page.keyboard.press("Enter")
