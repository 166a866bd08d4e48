"""Small plots as inline SVG text."""

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 520, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 22, 40
GOOD, BAD, BLUE, INK, LINE = "#1a7f5a", "#b3372f", "#2563a8", "#5c6b7a", "#dde4ea"
SHADES = ("#eef3f8", "#fdf6ec", "#edf7f2")
Span = tuple[str, float, float]


class Axes:
    """A plot area with a linear scale on each axis."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Make an area for x and y from their smallest to their largest value."""
        self._x, self._y = x, y
        self.parts: list[str] = []

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixel of a value."""
        (x0, x1), (y0, y1) = self._x, self._y
        across = (x - x0) / (x1 - x0 or 1.0)
        up = (y - y0) / (y1 - y0 or 1.0)
        return (
            round(LEFT + across * (WIDTH - LEFT - RIGHT), 1),
            round(HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM), 1),
        )

    def grid(self, x_label: str, y_label: str, *, percent: bool = False) -> None:
        """Draw lines, numbers and labels."""
        for value in ticks(*self._y):
            x, y = self.at(self._x[0], value)
            text = f"{value:.0%}" if percent else f"{value:g}"
            self.parts.append(
                f'<line x1="{x}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="{LINE}"/>'
            )
            self.text(x - 6, y + 4, text, "end")
        for value in ticks(*self._x):
            x, y = self.at(value, self._y[0])
            self.text(x, y + 16, f"{value:g}", "middle")
        self.text((LEFT + WIDTH) / 2, HEIGHT - 6, x_label, "middle")
        self.text(LEFT - 44, TOP - 9, y_label, "start")

    def text(self, x: float, y: float, content: str, anchor: str) -> None:
        """Write at a pixel."""
        self.parts.append(
            f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="12" fill="{INK}">'
            f"{escape(content)}</text>"
        )

    def rect(self, low: tuple[float, float], high: tuple[float, float], colour: str) -> None:
        """Fill between two corners given as values."""
        (x0, y1), (x1, y0) = self.at(*low), self.at(*high)
        self.parts.append(
            f'<rect x="{min(x0, x1)}" y="{min(y0, y1)}" width="{round(abs(x1 - x0), 1)}" '
            f'height="{round(abs(y1 - y0), 1)}" fill="{colour}"/>'
        )

    def shade(self, spans: Sequence[Span]) -> None:
        """Colour the background of named spans of x."""
        for i, (name, begin, end) in enumerate(spans):
            self.rect((begin, self._y[0]), (end, self._y[1]), SHADES[i % len(SHADES)])
            x, _ = self.at((begin + end) / 2, 0)
            if self.at(end, 0)[0] - self.at(begin, 0)[0] > 6 * len(name):
                self.text(x, TOP - 6, name, "middle")

    def svg(self) -> str:
        """The finished picture."""
        return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(self.parts)}</svg>'


def ticks(low: float, high: float) -> list[float]:
    """About five round numbers from low to high."""
    if not high > low:
        return [low]
    raw = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def curve(
    x: Sequence[float], y: Sequence[float], spans: Sequence[Span], label: str, *, percent: bool
) -> str:
    """A line of values from 0 to 1 over shaded phases."""
    axes = Axes((0.0, max(x)), (0.0, 1.0))
    axes.shade(spans)
    axes.grid(label, "", percent=percent)
    points = " ".join("{},{}".format(*axes.at(a, b)) for a, b in zip(x, y, strict=True))
    axes.parts.append(f'<polyline points="{points}" fill="none" stroke="{BLUE}" stroke-width="2"/>')
    return axes.svg()


def dots(
    x: Sequence[float], y: Sequence[float], success: Sequence[float], spans: Sequence[Span]
) -> str:
    """One dot per episode, green for success and red for failure."""
    axes = Axes((0.0, max(x)), (0.0, max(*y, 1.0) * 1.05))
    axes.shade(spans)
    axes.grid("robot time [min]   (green: inserted, red: not)", "")
    for a, b, good in zip(x, y, success, strict=True):
        px, py = axes.at(a, b)
        colour = GOOD if good else BAD
        axes.parts.append(f'<circle cx="{px}" cy="{py}" r="2.6" fill="{colour}"/>')
    return axes.svg()


def histogram(values: Sequence[float], x_label: str, y_label: str, bins: int = 20) -> str:
    """Counts of values in equal bins from 0 to the largest."""
    top = max(*values, 1e-9) if len(values) > 1 else max(values[0], 1e-9)
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int(value / top * bins))] += 1
    axes = Axes((0.0, top), (0.0, float(max(counts))))
    axes.grid(x_label, y_label)
    for i, count in enumerate(counts):
        axes.rect((i * top / bins, 0.0), ((i + 0.9) * top / bins, float(count)), BLUE)
    return axes.svg()


def bars(values: Sequence[float], spread: Sequence[float], name: str) -> str:
    """Signed bars with ± one standard deviation."""
    reach = max(1.0, *(abs(v) + s for v, s in zip(values, spread, strict=True)))
    axes = Axes((0.5, len(values) + 0.5), (-reach, reach))
    axes.grid(f"component of {name}   (line: ± one standard deviation)", "")
    for i, (value, width) in enumerate(zip(values, spread, strict=True), start=1):
        axes.rect((i - 0.3, 0.0), (i + 0.3, value), BLUE)
        (x, low), (_, high) = axes.at(i, value - width), axes.at(i, value + width)
        axes.parts.append(
            f'<line x1="{x}" x2="{x}" y1="{low}" y2="{high}" stroke="{INK}" stroke-width="2"/>'
        )
    return axes.svg()
