"""Reading a request's body: how much, how long, and what if the client goes away."""

from __future__ import annotations

import pytest
import trio
from starlette.requests import Request

from drena.config import Config
from drena.http.calls import BODY_LIMIT_S, Call
from drena.http.shapes import JobRequest
from drena.problems import Refused


class House:
    """As much of one as reading takes."""

    def __init__(self, tmp_path):
        self.config = Config(state_dir=tmp_path)


@pytest.fixture
def call(tmp_path):
    def make(*messages, content_type=b"application/json", **headers):
        queue = list(messages)

        async def receive():
            if not queue:
                await trio.sleep_forever()
            return queue.pop(0)

        raw = [(b"content-type", content_type), *((k.replace("_", "-").encode(), v) for k, v in headers.items())]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": raw, "query_string": b""}
        request, house = Request(scope, receive), House(tmp_path)
        return Call(request=request, house=house, request_id="1", language="en", client="", direct=True, secure=False)

    return make


def piece(body, *, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


async def refusal(reading):
    with pytest.raises(Refused) as caught:
        await reading
    return caught.value.code


async def test_a_body_may_come_in_pieces(call):
    assert await call(piece(b"ab"), piece(b""), piece(b"c", more=False)).read() == b"abc"


async def test_a_body_that_does_not_come_is_not_waited_for(call, autojump_clock):
    assert await refusal(call(piece(b"a")).read()) == "request_timeout"
    assert trio.current_time() >= BODY_LIMIT_S


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_defect(call):
    assert await refusal(call(piece(b"a"), {"type": "http.disconnect"}).read()) == "request_timeout"


async def test_too_much_is_refused_by_what_is_said_and_by_what_comes(call):
    assert await refusal(call(content_length=b"9999999").read()) == "body_too_large"
    assert await refusal(call(*[piece(b"x" * 500_000)] * 3).read()) == "body_too_large"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"null", b'{"tenant_id":1}', b"\xff", b"[" * 100_000, b'{"a":NaN}', b'"\\ud800"']
)
async def test_what_is_no_request_is_refused_with_a_reason(body, call):
    assert await refusal(call(piece(body, more=False)).body(JobRequest)) == "body_invalid"


async def test_json_that_calls_itself_something_else_is_refused(call):
    reading = call(piece(b"{}", more=False), content_type=b"text/plain").body(JobRequest)
    assert await refusal(reading) == "media_type_unsupported"
