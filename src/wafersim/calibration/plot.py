"""The plot of the errors as SVG: one mark a point, one column a point, series side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wafersim.calibration.report import Outcome

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 960, 300, 48, 16, 44
SHADES = ("#1b6ca8", "#c1440e", "#2a7f3f", "#7d3c98", "#8a6d00", "#444444")
LIMIT = 12.0
"""Percent at the edge of the plot; marks beyond it are drawn on the edge."""
LINES = ((3.0, "#2a7f3f"), (10.0, "#c1440e"))
"""Percent with a line in its color: the median and the worst error that are asked for."""


def residuals(results: list[Outcome]) -> str:
    series = list(dict.fromkeys((r.point.arch, r.point.series) for r in results))
    step = (WIDTH - LEFT - 16) / max(len(results), 1)
    parts = [*_axes()]
    for index, result in enumerate(results):
        x = LEFT + step * (index + 0.5)
        y = _height(max(-LIMIT, min(LIMIT, result.error)))
        shade = SHADES[series.index((result.point.arch, result.point.series)) % len(SHADES)]
        title = f"{result.point.id}: {result.error:+.1f} %"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{shade}"><title>{title}</title></circle>')
    for index, (arch, name) in enumerate(series):
        shade = SHADES[index % len(SHADES)]
        parts.append(_text(LEFT + 130 * index, HEIGHT - 10, f"{name} ({arch})", shade))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12">\n<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _height(percent: float) -> float:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return middle - percent / LIMIT * (HEIGHT - BOTTOM - TOP) / 2


def _axes() -> list[str]:
    lines = [_line(0.0, "#444444")]
    for percent, shade in LINES:
        lines += [_line(percent, shade), _line(-percent, shade)]
    labels = [_text(6, _height(p) + 4, f"{p:+.0f} %" if p else "0 %", "#444444") for p in (-10.0, -3.0, 0.0, 3.0, 10.0)]
    return lines + labels


def _line(percent: float, shade: str) -> str:
    y, dash = _height(percent), ' stroke-dasharray="4 4"' if percent else ""
    return f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - 16}" y2="{y:.1f}" stroke="{shade}"{dash}/>'


def _text(x: float, y: float, text: str, shade: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{shade}">{text}</text>'
