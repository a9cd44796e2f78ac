"""The recording of a real showing, for the README: `drena demo --picture FILE`.

One SVG without a script: everything that was printed, and the moments at which it was, as the steps of an animation
that rolls it through a window of the height of a terminal. A cover hides what had not been printed while the window was
not full. Bars are in it as they ended, and a pause in which nothing was printed is cut short. A reader who wants no
motion, or whose viewer has none, sees the end.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Final

from rich.console import Console

from drena.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import RenderableType

COLUMNS: Final = 100
ROWS: Final = 36
LINE_HEIGHT: Final = 24.4
"""rich's: 20 times 1.22."""
FRAME: Final = 49
"""What the window's frame takes of the height, the bar above it included."""
REST_S: Final = 6.0
"""How long the end stands before it all begins again."""
PAUSE_S: Final = 2.0
NAME: Final = "demo"

SVG: Final = """\
<svg viewBox="0 0 {width} @HEIGHT@" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="drena demo">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-roll {{ transform: translateY(@END@px); animation: {unique_id}-roll @SECONDS@s step-end infinite; }}
@keyframes {unique_id}-roll {{
@STEPS@
}}
.{unique_id}-cover {{ transform: translateY(@WINDOW@px); animation: {unique_id}-cover @SECONDS@s step-end infinite; }}
@keyframes {unique_id}-cover {{
@COVER@
}}
@media (prefers-reduced-motion: reduce) {{ .{unique_id}-roll, .{unique_id}-cover {{ animation: none; }} }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-window"><rect x="0" y="0" width="{terminal_width}" height="@WINDOW@"/></clipPath>
{lines}
</defs>
<rect x="1" y="1" width="100%" height="100%" rx="8" fill="#292929"/>
<g transform="translate(26,22)">
<circle cx="0" cy="0" r="7" fill="#ff5f57"/><circle cx="22" cy="0" r="7" fill="#febc2e"/>
<circle cx="44" cy="0" r="7" fill="#28c840"/>
</g>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-window)">
<g class="{unique_id}-roll">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
<rect class="{unique_id}-cover" x="0" y="0" width="{terminal_width}" height="@WINDOW@" fill="#292929"/>
</g>
</svg>
"""
"""In place of rich's own form, which shows all at once and fetches a font from the network."""


class Recording:
    """Keeps what is printed, and when."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        self._console = Console(
            record=True, width=COLUMNS, file=self._text, force_terminal=True, color_system="truecolor", highlight=False
        )
        self._began_s = time.monotonic()
        self._moments: list[tuple[float, int]] = []
        """Seconds since the beginning, and how many lines had been printed by then."""

    def print(self, what: RenderableType) -> None:
        """Record one more thing."""
        self._console.print(what)
        self._moments.append((time.monotonic() - self._began_s, self._text.getvalue().count("\n")))

    def save(self, file: Path) -> None:
        """Write it as SVG.

        Raises:
            ConfigError: the file cannot be written.
        """
        form = SVG
        for name, value in self._measures().items():
            form = form.replace(f"@{name}@", value)
        picture = self._console.export_svg(code_format=form, unique_id=NAME)
        try:
            file.write_text(picture, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"The picture cannot be written to {file} ({error.strerror}).") from error

    def _measures(self) -> dict[str, str]:
        moments = _shortened(self._moments)
        whole_s = moments[-1][0] + REST_S
        return {
            "HEIGHT": f"{ROWS * LINE_HEIGHT + FRAME:.0f}",
            "WINDOW": f"{ROWS * LINE_HEIGHT:.1f}",
            "END": f"{_roll(moments[-1][1]):.1f}",
            "SECONDS": f"{whole_s:.1f}",
            "STEPS": "\n".join(_step(at_s / whole_s, _roll(lines)) for at_s, lines in moments),
            "COVER": "\n".join(_step(at_s / whole_s, min(lines, ROWS) * LINE_HEIGHT) for at_s, lines in moments),
        }


def _shortened(moments: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """The moments from the beginning on, with no pause longer than `PAUSE_S`."""
    shorter, at_s, before_s = [(0.0, 0)], 0.0, 0.0
    for moment_s, lines in moments:
        at_s += min(moment_s - before_s, PAUSE_S)
        before_s = moment_s
        shorter.append((at_s, lines))
    return shorter


def _step(share: float, down: float) -> str:
    """A step of an animation, its braces doubled for rich's `str.format`."""
    return f"{100 * share:.2f}% {{{{ transform: translateY({down:.1f}px); }}}}"


def _roll(lines: int) -> float:
    """How far down the text stands when its last printed line is in the window: up, once the window is full."""
    return min(0.0, (ROWS - lines) * LINE_HEIGHT)
