"""The picture of a real showing, for the README: `drena demo --picture FILE`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from rich.console import Console

from drena.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS: Final = 104
SVG: Final = """\
<svg class="drena" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img"
  aria-label="drena demo">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's own form fetches a font from the network; this one uses the reader's."""


def new_recording() -> Console:
    """A console that keeps what is printed to it."""
    return Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False
    )


def save_picture(recording: Console, file: Path) -> None:
    """Write what was recorded as SVG.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        file.write_text(recording.export_svg(title="make demo", code_format=SVG, unique_id="demo"), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"The picture cannot be written to {file} ({error.strerror}).") from error
