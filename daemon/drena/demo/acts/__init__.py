"""The acts, in the order in which they are shown."""

from drena.demo.acts.changes import changes, quiet
from drena.demo.acts.counts import counts
from drena.demo.acts.failure import failure
from drena.demo.acts.setting import setting
from drena.demo.acts.settling import settling
from drena.demo.acts.syncing import double_click, syncing
from drena.demo.acts.typed import typed

__all__ = ["changes", "counts", "double_click", "failure", "quiet", "setting", "settling", "syncing", "typed"]
