"""Keeps tasks that a provider leaves behind from hurting anybody but themselves.

A provider that opens nurseries of its own leaves nothing behind. But it can start a task beside its attempt, in the
nursery of its tenant's drain loop, and what such a task raises would end every attempt there; or a system task, and
Trio ends the whole run when one raises. An instrument sees each task as it is spawned and puts a frame around those
two kinds: what they raise is logged, and the first kind is cancelled with the attempt that started it.

It is called when a task begins and ends, never at a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import trio

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import CoroutineType

    from drena.log import LogLines

DRAIN: Final = "drain "
"""How the names of tasks begin in whose nurseries attempts run."""


def abandon_nurseries() -> None:
    """End what runs in nurseries that this task opened by hand and never closed; it could not end itself with them."""
    task = trio.lowlevel.current_task()
    for nursery in task.child_nurseries:
        nursery.cancel_scope.cancel(reason="the attempt is over")
    task._child_nurseries.clear()  # there is no public way out of a nursery but its own


class StrayTasks(trio.abc.Instrument):
    """See the head of this file."""

    def __init__(self, log: LogLines) -> None:
        self._log = log
        self._root: trio.lowlevel.Task | None = None
        self._beside: dict[trio.lowlevel.Task, list[tuple[str, trio.CancelScope]]] = {}
        """What each task started beside itself."""

    async def run(self) -> None:
        """Watch until cancelled."""
        self._root = trio.lowlevel.current_root_task()
        trio.lowlevel.add_instrument(self)
        try:
            await trio.sleep_forever()
        finally:
            trio.lowlevel.remove_instrument(self)

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        """Called by Trio before the task takes its first step."""
        owner = None if task.parent_nursery is None else task.parent_nursery.parent_task
        if owner is None or (spawner := trio.lowlevel.current_task()) is owner:
            return
        if owner is not self._root and not owner.name.startswith(DRAIN):
            return
        scope = trio.CancelScope()
        if owner is not self._root:
            self._beside.setdefault(spawner, []).append((task.name, scope))
        task.coro = cast("CoroutineType[Any, Any, Any]", self._contained(task.coro, task.name, scope))

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """Called by Trio behind the task's last step."""
        if left := self._beside.pop(task, None):
            names = [name for name, _ in left]
            self._log.error("provider left tasks behind: they are cancelled", attempt=task.name, tasks=names)
            for _, scope in left:
                scope.cancel(reason="the attempt is over")

    async def _contained(self, coro: Coroutine[Any, Any, Any], name: str, scope: trio.CancelScope) -> Any:
        try:
            with scope:
                return await coro
        except (trio.Cancelled, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001  # nobody else is there to hear of it
            self._log.error("a task that a provider left behind failed", task=name, exc_info=error)
