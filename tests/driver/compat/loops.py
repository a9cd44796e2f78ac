"""What asyncpg's tests use of asyncio, made of Trio.

One Trio run lives in a thread for as long as the tests do; `Loop.run_until_complete` hands a coroutine to it. The names
are asyncio's, the waiting is Trio's. Whatever is not defined here is asyncio's own (exception classes, mostly).
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections import deque

import trio

CancelledError, TimeoutError, InvalidStateError = (  # noqa: A001
    asyncio.CancelledError,
    asyncio.TimeoutError,
    asyncio.InvalidStateError,
)
LIMIT_S = 30.0


class TrioThread:
    """A Trio run in a thread, with a nursery for tasks."""

    def __init__(self):
        self.nursery = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._main,), daemon=True)
        self._thread.start()
        self._ready.wait()

    async def _main(self):
        self.token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as self.nursery:
            self._ready.set()
            await trio.sleep_forever()

    def run(self, awaitable):
        async def awaited():
            with trio.fail_after(LIMIT_S):
                return await awaitable

        return trio.from_thread.run(awaited, trio_token=self.token)


THREAD = None


def thread():
    global THREAD  # noqa: PLW0603
    if THREAD is None:
        THREAD = TrioThread()
    return THREAD


class Future:
    def __init__(self, *, loop=None):
        self._event = trio.Event()
        self._result = self._error = None
        self._callbacks = []

    def done(self):
        return self._event.is_set()

    def cancelled(self):
        return isinstance(self._error, CancelledError)

    def set_result(self, result):
        self._settle(result, None)

    def set_exception(self, error):
        self._settle(None, error)

    def cancel(self, msg=None):
        if not self.done():
            self._settle(None, CancelledError())
            return True
        return False

    def _settle(self, result, error):
        self._result, self._error = result, error
        self._event.set()
        for callback in self._callbacks:
            callback(self)

    def result(self):
        if not self.done():
            raise InvalidStateError
        if self._error is not None:
            raise self._error
        return self._result

    def exception(self):
        return self._error

    def add_done_callback(self, callback, *, context=None):
        self._callbacks.append(callback)

    def __await__(self):
        yield from self._event.wait().__await__()
        return self.result()


class Task(Future):
    def __init__(self, coro, *, loop=None):
        super().__init__()
        self._scope = trio.CancelScope()
        thread().nursery.start_soon(self._run, coro)

    def cancel(self, msg=None):
        if self.done():
            return False
        self._scope.cancel()
        return True

    async def _run(self, awaitable):
        result = error = None
        with self._scope:
            try:
                result = await awaitable
            except (Exception, CancelledError) as caught:  # noqa: BLE001, ASYNC103
                error = caught
        if self._scope.cancelled_caught:
            error = CancelledError()
        self._settle(result, error)


class Event:
    def __init__(self):
        self._event = trio.Event()

    def set(self):
        self._event.set()

    def clear(self):
        self._event = trio.Event()

    def is_set(self):
        return self._event.is_set()

    async def wait(self):
        await self._event.wait()
        return True


class Queue:
    def __init__(self, maxsize=0):
        self._items = deque()
        self._lot = trio.lowlevel.ParkingLot()

    def put_nowait(self, item):
        self._items.append(item)
        self._lot.unpark()

    async def put(self, item):
        self.put_nowait(item)
        await trio.lowlevel.checkpoint()

    async def get(self):
        while not self._items:
            await self._lot.park()
        return self._items.popleft()

    def qsize(self):
        return len(self._items)

    def empty(self):
        return not self._items


async def sleep(seconds, result=None):
    await trio.sleep(seconds)
    return result


async def wait_for(awaitable, timeout):  # noqa: ASYNC109
    if timeout is None:
        return await awaitable
    with trio.move_on_after(max(timeout, 0)) as scope:
        try:
            return await awaitable
        except trio.Cancelled:
            if isinstance(awaitable, Future):
                awaitable.cancel()
            raise
    assert scope.cancelled_caught
    raise TimeoutError


async def gather(*awaitables, return_exceptions=False):
    tasks = [ensure_future(awaitable) for awaitable in awaitables]
    results = []
    for task in tasks:
        try:
            results.append(await task)
        except (Exception, CancelledError) as error:  # noqa: ASYNC103
            if not return_exceptions:
                raise
            results.append(error)
    return results


def ensure_future(awaitable, *, loop=None):
    return awaitable if isinstance(awaitable, Future) else Task(awaitable)


create_task = ensure_future


def wrap_future(future, *, loop=None):
    """A future of the tests' proxy, which has an asyncio loop in a thread of its own."""
    return Task(trio.to_thread.run_sync(future.result, abandon_on_cancel=True))


class Loop:
    """Stands in for the loop of a test case."""

    def __init__(self):
        self._handler = None
        self._debug = False

    def run_until_complete(self, awaitable):
        return thread().run(awaitable)

    def create_task(self, coro, **_):
        return Task(coro)

    def create_future(self):
        return Future()

    def set_exception_handler(self, handler):
        self._handler = handler

    def get_exception_handler(self):
        return self._handler

    def default_exception_handler(self, context):
        pass

    def call_exception_handler(self, context):
        if self._handler is not None:
            self._handler(self, context)

    def set_debug(self, debug):
        self._debug = debug

    def get_debug(self):
        return self._debug

    def call_soon(self, callback, *args, context=None):
        return self.call_later(0, callback, *args)

    def call_soon_threadsafe(self, callback, *args, context=None):
        thread().token.run_sync_soon(callback, *args)

    def call_later(self, delay, callback, *args, context=None):
        async def later():
            await trio.sleep(delay)
            callback(*args)

        return Task(later())

    def time(self):
        return trio.current_time()

    async def run_in_executor(self, executor, function, *args):
        return await trio.to_thread.run_sync(functools.partial(function, *args))

    def is_closed(self):
        return False

    def is_running(self):
        return True

    def close(self):
        pass


def new_event_loop():
    return Loop()


def set_event_loop(loop):
    pass


def get_running_loop():
    return Loop()


get_event_loop = get_running_loop


def __getattr__(name):
    return getattr(asyncio, name)


class WhereItRuns:
    """`asyncio` to a test module: these names inside Trio, asyncio's own elsewhere.

    The tests' proxy has an asyncio loop in a thread of its own, and its code is in the same modules.
    """

    def __getattr__(self, name):
        inside = trio.lowlevel.in_trio_run() and name in globals()
        return globals()[name] if inside else getattr(asyncio, name)
