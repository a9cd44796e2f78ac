"""One connection's bytes: nothing is torn apart, whoever is cancelled, and nobody is waited for without end."""

from __future__ import annotations

import socket

import pytest
import trio
import trio.testing

from drena.feed.errands import Errands
from drena.feed.frames import text_frame
from drena.feed.wire import Wire

BIG = text_frame(b"x" * 3_000_000)
SMALL = text_frame(b"small")
CLOSE = b"\x88\x02\x03\xe8"
MESSAGE = b"\x81\x02{}"
PONG = b"\x8a\x00"


@pytest.fixture
async def ends(nursery):
    """A wire, and the socket at its other end, which holds little."""
    near, far = socket.socketpair()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    errands = Errands(nursery, lambda error: pytest.fail(repr(error)))
    wire = Wire(trio.SocketStream(trio.socket.from_stdlib_socket(near)), errands.start_soon, stuck_s=5)
    async with trio.SocketStream(trio.socket.from_stdlib_socket(far)) as stream:
        yield wire, stream
        await errands.close()
        wire.kill()


async def read(stream: trio.SocketStream, size: int) -> bytes:
    found = b""
    with trio.fail_after(20):
        while len(found) < size:
            piece = await stream.receive_some(1 << 16)
            assert piece
            found += piece
    return found


async def test_who_is_cancelled_while_he_sends_leaves_no_half_frame_behind(ends):
    wire, stream = ends
    with trio.move_on_after(0.05) as given_up:
        await wire.send_all(BIG)
    assert given_up.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wire.send_all, SMALL)
        assert await read(stream, len(BIG) + len(SMALL)) == BIG + SMALL


async def test_two_who_send_at_once_take_turns(ends):
    wire, stream = ends
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wire.send_all, BIG)
        nursery.start_soon(wire.send_all, SMALL)
        found = await read(stream, len(BIG) + len(SMALL))
    assert found in (BIG + SMALL, SMALL + BIG)


async def test_a_piece_that_does_not_go_out_ends_the_wire_and_all_who_wait_for_it(nursery):
    near, far = socket.socketpair()
    lost = trio.Event()
    wire = Wire(
        trio.SocketStream(trio.socket.from_stdlib_socket(near)), Errands(nursery, print).start_soon, stuck_s=0.2
    )
    wire.on_lost = lost.set
    with far, trio.fail_after(10):
        wire.send_nowait(BIG)
        assert not wire.free
        with pytest.raises(trio.BrokenResourceError):
            await wire.send_all(SMALL)  # a pong, or a close, behind it
        await lost.wait()
    assert wire.was_stuck
    wire.kill()


async def test_errands_run_side_by_side_and_end_with_the_connection(nursery):
    ended, going = [], trio.Event()

    async def errand(name: str, gate: trio.Event) -> None:
        try:
            await gate.wait()
        finally:
            ended.append(name)

    errands = Errands(nursery, print)
    first = trio.Event()
    errands.start_soon(errand, "first", first)
    errands.start_soon(errand, "second", going)
    await trio.testing.wait_all_tasks_blocked()
    errands.start_soon(errand, "third", going)
    first.set()
    await trio.testing.wait_all_tasks_blocked()
    assert ended == ["first"]
    await errands.close()
    assert sorted(ended) == ["first", "second", "third"]
    errands.start_soon(errand, "late", first)
    await trio.testing.wait_all_tasks_blocked()
    assert "late" not in ended


async def test_errands_that_are_done_keep_nothing_and_others_may_follow_at_any_moment(nursery):
    done = []

    async def errand(number: int) -> None:
        await trio.lowlevel.checkpoint()
        done.append(number)

    errands = Errands(nursery, print)
    for number in range(200):
        errands.start_soon(errand, number)
        for _ in range(number % 7):  # before, while and after the one before it ends
            await trio.lowlevel.checkpoint()
    await trio.testing.wait_all_tasks_blocked()
    assert sorted(done) == list(range(200))
    assert (errands._nursery, errands._done) == (None, None)
    assert len(nursery.child_tasks) == 0


async def test_an_error_of_an_errand_ends_the_others_and_is_told_once(nursery):
    told = []
    errands = Errands(nursery, told.append)

    async def fail() -> None:  # noqa: ASYNC124  # an errand is async
        raise ZeroDivisionError

    errands.start_soon(trio.sleep_forever)
    errands.start_soon(fail)
    await trio.testing.wait_all_tasks_blocked()
    assert len(told) == 1
    assert told[0].split(ZeroDivisionError)[0] is not None
    assert errands._done is None


async def all_that_came(stream: trio.abc.ReceiveStream) -> bytes:
    found = bytearray()
    with trio.move_on_after(1):
        async for chunk in stream:
            found += chunk
    return bytes(found)


@pytest.mark.parametrize("stuck", [False, True], ids=["at once", "behind a piece that the client is slow to take"])
async def test_behind_a_close_frame_nothing_is_sent(autojump_clock, stuck):
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        wire = Wire(ours, nursery.start_soon, stuck_s=10)
        left = [MESSAGE, MESSAGE]
        wire.on_free = lambda: left and wire.free and wire.send_nowait(left.pop())  # as an outbox does
        if stuck:
            wire.send_nowait(PONG)
            assert not wire.free
        nursery.start_soon(wire.send_all, CLOSE)
        assert await all_that_came(theirs) == (PONG + MESSAGE * 2 if stuck else b"") + CLOSE
        assert (wire.closing, wire.free, wire.lost) == (True, False, False)
        nursery.cancel_scope.cancel(reason="the test is over")


async def test_other_frames_of_the_library_close_nothing(autojump_clock):
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        wire = Wire(ours, nursery.start_soon, stuck_s=10)
        for piece in (b"HTTP/1.1 101 \r\n\r\n", PONG, MESSAGE):
            await wire.send_all(piece)
        assert (wire.closing, wire.free) == (False, True)
        assert await all_that_came(theirs) == b"HTTP/1.1 101 \r\n\r\n" + PONG + MESSAGE
