"""A conversation recorded once is had again without the network, and holds no secret."""

from __future__ import annotations

import httpx2
import pytest

from drena.testing import Conversation, Recording, check_once
from testing.customers import TOKEN, Customers, conversation


async def test_a_recorded_conversation_is_replayed(tmp_path):
    recording = Recording(secrets=[TOKEN], inner=conversation())
    said = await check_once(Customers(), transport=recording, secrets={"token": TOKEN})
    recording.save(tmp_path / "talk.json")
    again = Conversation.replay(tmp_path / "talk.json")
    assert await check_once(Customers(), transport=again, secrets={"token": TOKEN}) == said


async def test_a_recording_holds_no_secret(tmp_path):
    echo = Conversation().answer("GET", "/me", json={"you": f"Bearer {TOKEN}", "key": TOKEN})
    recording = Recording(secrets=[TOKEN], inner=echo)
    async with httpx2.AsyncClient(transport=recording, headers={"Authorization": TOKEN}) as client:
        await client.get("https://api.test/me", params={"token": TOKEN, "q": f"x{TOKEN}x"})
    recording.save(tmp_path / "talk.json")
    text = (tmp_path / "talk.json").read_text()
    assert TOKEN not in text
    assert "***" in text


def test_a_file_that_is_no_recording_is_named(tmp_path):
    (tmp_path / "talk.json").write_text("{}")
    with pytest.raises(ValueError, match=r"talk\.json is no recorded conversation"):
        Conversation.replay(tmp_path / "talk.json")
