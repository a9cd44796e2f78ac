"""What a plugin's author gets from one call: the whole of an attempt, run by the real engine."""

from __future__ import annotations

import httpx2
import pytest
import trio

from drena.api import Counters
from drena.testing import Conversation, UnexpectedRequest, check_once, run_once
from testing.customers import PAGES, SIZE, TABLE, TOKEN, Customers, conversation

SECRETS = {"token": TOKEN}


@pytest.fixture
async def database(drena_database):
    async with drena_database.connect() as conn:
        await conn.execute(TABLE)
    return drena_database


async def names(conn):
    return [row["name"] for row in await conn.fetch("select name from customers order by id")]


async def test_an_attempt_says_everything_it_did(database):
    done = await run_once(Customers(), database, transport=conversation(), secrets=SECRETS, rows=names)
    assert (done.status, done.code, done.raised, done.retry_in_s) == ("success", None, None, None)
    assert done.counters == {"customers": Counters(read=12, created=12)}
    assert done.result["customers"]["read"] == PAGES * SIZE
    assert done.checkpoint == {"page": PAGES, "last": True}
    assert done.progress is not None
    assert done.progress["done"] == PAGES
    assert [line.fields["page"] for line in done.log if line.message == "page written"] == [1, 2, 3, 4]
    assert done.rows[0] == "Customer 1.0"
    assert len(done.rows) == PAGES * SIZE


async def test_an_attempt_goes_on_from_the_checkpoint_it_is_given(database):
    talk = conversation()
    await run_once(Customers(), database, transport=talk, secrets=SECRETS, checkpoint={"page": 3, "last": False})
    assert [each.query["page"] for each in talk.requests] == ["4"]


async def test_a_failure_is_an_outcome(database):
    talk = Conversation().answer("GET", "/customers", status=500)
    done = await run_once(Customers(), database, transport=talk, secrets=SECRETS)
    assert (done.status, done.code) == ("pending", "retry_later")
    assert done.retry_in_s > 0


async def test_a_secret_that_is_not_given_is_missing(database):
    done = await run_once(Customers(), database, transport=conversation())
    assert (done.status, done.code) == ("error", "secret_missing")


async def test_a_request_nobody_scripted_is_named_with_what_there_is(database):
    talk = Conversation().answer("GET", "/customers", query={"page": 2}, json={})
    with pytest.raises(UnexpectedRequest, match=r"asked GET /customers\?page=1&size=3.*has answers to.*page=2"):
        await run_once(Customers(), database, transport=talk, secrets=SECRETS)


async def test_the_answer_that_names_most_of_a_query_is_given():
    """A list that goes on from a cursor: its first page is scripted without a word about the cursor."""
    talk = Conversation()
    talk.answer("GET", "/rows", query={"of": "a"}, json="first").answer("GET", "/rows", query={"of": "a"}, json="again")
    talk.answer("GET", "/rows", query={"of": "a", "after": 7}, json="second")
    talk.answer("GET", "/rows", query={"of": "b", "after": None}, json="without")
    async with httpx2.AsyncClient(transport=talk, base_url="https://api.test") as client:
        asked = ["of=a", "of=a&after=7", "of=a", "of=a", "of=b"]
        answers = [(await client.get(f"/rows?{query}")).json() for query in asked]
        assert answers == ["first", "second", "again", "again", "without"]
        with pytest.raises(UnexpectedRequest, match="no after"):
            await client.get("/rows?of=b&after=7")


async def test_hours_of_waiting_pass_at_once_on_a_virtual_clock(database, autojump_clock):
    talk = conversation()
    busy = Conversation().answer("GET", "/customers", status=429, headers={"retry-after": "50"})
    began = trio.current_time()
    done = await run_once(Customers(), database, transport=busy, secrets=SECRETS)
    assert trio.current_time() - began > 100
    assert done.status == "pending"
    async with database.fresh() as other:
        async with other.connect() as conn:
            await conn.execute(TABLE)
        assert (await run_once(Customers(), other, transport=talk, secrets=SECRETS)).status == "success"


async def test_a_check_needs_no_database():
    done = await check_once(Customers(), transport=conversation(), secrets=SECRETS)
    assert (done.ok, done.message) == (True, "3 customers on the first page.")
    locked = Conversation().answer("GET", "/customers", status=401)
    refused = await check_once(Customers(), transport=locked, secrets=SECRETS)
    assert (refused.ok, refused.details["code"]) == (False, "token_invalid")
