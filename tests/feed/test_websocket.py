"""What one task a connection stands on, and the pitfalls of trio-websocket that are its own."""

from __future__ import annotations

import inspect

import pytest
import trio
import trio.testing
import trio_websocket
import wsproto

from feed.attacks import PING, attacker, frame, message
from feed.viewer import open_viewer


def test_the_library_has_what_is_overridden_of_it():
    """Another version that looks different must be found here, and not by clients."""
    kind = trio_websocket.WebSocketConnection
    assert inspect.iscoroutinefunction(kind._reader_task)
    assert inspect.iscoroutinefunction(kind._handle_request_event)
    assert inspect.iscoroutinefunction(kind._handle_close_connection_event)
    made = kind(trio.testing.memory_stream_pair()[0], wsproto.WSConnection(wsproto.ConnectionType.SERVER))
    for name in (
        "_wsproto",
        "_send_channel",
        "_recv_channel",
        "_stream_lock",
        "_open_handshake",
        "_for_testing_peer_closed_connection",
        "_connection_proposal",
    ):
        assert hasattr(made, name), name
    for name in ("client", "state", "send", "receive_data", "events"):
        assert hasattr(wsproto.connection.Connection(wsproto.ConnectionType.SERVER), name), name


def tasks():
    """All tasks of this run, by name."""
    root = trio.lowlevel.current_root_task()
    found, left = [], [root]
    while left:
        task = left.pop()
        found.append(task)
        left += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return found


async def test_a_connection_that_listens_is_one_task_and_keeps_nothing_of_its_handshake(feed):
    async with feed() as stage:
        office = await stage.office()
        async with open_viewer(stage.url, tenants=[office]) as first:
            await first.until("snapshot")
            await trio.testing.wait_all_tasks_blocked(0.05)
            before = len(tasks())
            async with attacker(stage) as client:
                await client.upgrade("X-Long: " + "y" * 4000)
                await client.send(message(t="hello", tenants=[office]))
                await client.read_until(b'"snapshot"')
                await trio.testing.wait_all_tasks_blocked(0.05)
                assert len(tasks()) == before + 1
                for session, visit in stage.front.feed._sessions.items():
                    assert visit.errands._nursery is None
                    _, served = session._ended.args
                    assert isinstance(served._connection._wsproto, wsproto.connection.Connection)


async def test_a_ping_and_a_close_are_answered_while_a_command_is_carried_out(feed, monkeypatch):
    """The library's own queue hides both behind an unread message."""
    from drena.feed import desk as desk_module

    asked, answer = trio.Event(), trio.Event()

    async def slow(*_args, **_more):
        asked.set()
        await answer.wait()

    monkeypatch.setattr(desk_module.operations, "cancel_job", slow)
    async with feed() as stage, attacker(stage) as client:
        await client.upgrade()
        await client.send(message(t="hello"))
        await client.read_until(b'"welcome"')
        await client.send(message(t="cancel", ref="1", job_id="00000000-0000-0000-0000-000000000001"))
        with trio.fail_after(10):
            await asked.wait()
        await client.send(frame(PING, b"are you there"))
        await client.read_until(b"are you there")
        await client.send(frame(8, (1000).to_bytes(2, "big")))
        assert (await client.read_all(5))[:2] == b"\x88\x02"


@pytest.mark.parametrize("more", [b"", frame(PING, b"early"), message(t="hello")], ids=["nothing", "a ping", "hello"])
async def test_what_comes_in_one_packet_with_the_handshake_is_heard(feed, more):
    from feed.attacks import request

    async with feed() as stage, attacker(stage) as client:
        await client.send(request() + more)
        answer = await client.read_until(b"\r\n\r\n")
        await client.send(b"" if b"hello" in more else message(t="hello"))
        while b'"welcome"' not in answer:
            answer += await client.read()
        assert (b"early" in answer) is (b"early" in more)
