"""Line and bar charts as SVG, with nothing but the standard library.

A chart is drawn on white with dark text, so that it reads the same on a light
and on a dark page. Values of None are left out, and so is 0 from a line on a
logarithmic axis.
"""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 78, 20, 64, 92
# Told apart by people with any colour vision (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
DASHES = ("", "7 4", "2 3", "9 3 2 3")
FONT = "font-family='Helvetica, Arial, sans-serif'"


class Axis:
    """Maps values to a length of pixels."""

    def __init__(self, values, pixels, log=False):
        there = [v for v in values if v is not None and (v > 0 or not log)]
        if not there:
            there = [1]
        self.log, self.pixels = log, pixels
        if log:
            low = math.floor(math.log10(min(there)))
            high = math.log10(max(there))
            high += 0.14 * (high - low)  # room for the number on a bar
            self.low, self.high = low, max(high, low + 1)
        else:
            top = max(there) * 1.06  # room for the number on a bar
            self.step = nice_step(top)
            self.low = 0
            self.high = self.step * math.ceil(top / self.step)

    def at(self, value):
        if self.log:
            value = math.log10(max(value, 10.0 ** self.low))
        return self.pixels * (value - self.low) / (self.high - self.low)

    def ticks(self):
        if self.log:
            return [10.0 ** e for e in range(self.low, math.floor(self.high) + 1)]
        count = round((self.high - self.low) / self.step)
        return [self.low + i * self.step for i in range(count + 1)]


def nice_step(largest):
    raw = max(largest, 1e-12) / 5
    power = 10 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw)


def number(value):
    if value == 0:
        return "0"
    if abs(value) >= 999.5e3:
        return f"{value / 1e6:.3g}M"
    if abs(value) >= 999.5:
        return f"{value / 1e3:.3g}k"
    return f"{value:.3g}"


def text(x, y, words, size=13, anchor="middle", extra=""):
    return (f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' {FONT} "
            f"fill='#222' text-anchor='{anchor}' {extra}>{escape(words)}</text>")


class Chart:
    def __init__(self, title, y_label, note):
        self.inner = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
        self.parts = [
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' "
            f"height='{HEIGHT}' viewBox='0 0 {WIDTH} {HEIGHT}' role='img' "
            f"aria-label='{escape(title, {chr(39): '&apos;'})}'>",
            "<rect width='100%' height='100%' fill='white'/>",
            text(LEFT, 24, title, 16, "start", "font-weight='bold'"),
            text(WIDTH - RIGHT, HEIGHT - 8, note, 10, "end"),
            text(0, 0, y_label, 13, "middle",
                 f"transform='translate(18 {TOP + self.inner[1] / 2:.0f}) "
                 "rotate(-90)'")]

    def y_axis(self, axis):
        for tick in axis.ticks():
            y = TOP + self.inner[1] - axis.at(tick)
            self.parts.append(
                f"<line x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{y:.1f}' "
                f"y2='{y:.1f}' stroke='#ddd'/>")
            self.parts.append(text(LEFT - 8, y + 4, number(tick), 12, "end"))

    def legend(self, names, draw):
        x = LEFT
        for i, name in enumerate(names):
            self.parts.append(draw(x, 44, i))
            self.parts.append(text(x + 30, 48, name, 13, "start"))
            x += 54 + 7.4 * len(name)

    def save(self, path):
        path.write_text("\n".join(self.parts + ["</svg>"]) + "\n")


def line_style(i):
    dash = DASHES[i % len(DASHES)]
    return (f"stroke='{COLOURS[i % len(COLOURS)]}' stroke-width='2.5' "
            f"fill='none' stroke-dasharray='{dash}'")


def lines(path, title, labels, series, log=False, note=""):
    """series: {name: [(x, y), ...]}; labels: (of x, of y)."""
    chart = Chart(title, labels[1], note)
    points = [p for line in series.values() for p in line]
    y_axis = Axis([y for _, y in points], chart.inner[1], log)
    low = min(x for x, _ in points)
    high = max(x for x, _ in points)
    chart.y_axis(y_axis)

    def place(x, y):
        return (LEFT + chart.inner[0] * (x - low) / ((high - low) or 1),
                TOP + chart.inner[1] - y_axis.at(y))
    for x in sorted({x for x, _ in points}):
        chart.parts.append(text(place(x, y_axis.ticks()[0])[0],
                                TOP + chart.inner[1] + 20, number(x), 12))
    chart.parts.append(text(LEFT + chart.inner[0] / 2,
                            TOP + chart.inner[1] + 44, labels[0]))
    for i, line in enumerate(series.values()):
        there = [place(x, y) for x, y in line
                 if y is not None and (y > 0 or not log)]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in there)
        chart.parts.append(f"<polyline points='{joined}' {line_style(i)}/>")
        chart.parts += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' "
                        f"fill='{COLOURS[i % len(COLOURS)]}'/>"
                        for x, y in there]
    chart.legend(series, lambda x, y, i: (
        f"<line x1='{x}' x2='{x + 24}' y1='{y}' y2='{y}' {line_style(i)}/>"))
    chart.save(path)


def bar_number(x, y, bar, words):
    """Above its bar, upright where bars are narrower than numbers."""
    if bar >= 7 * len(words):
        return text(x, y - 5, words, 11)
    return text(0, 0, words, 11, "start",
                f"transform='translate({x + 4:.1f} {y - 4:.1f}) rotate(-90)'")


def bars(path, title, y_label, groups, series, log=False, note=""):
    """groups: names along x; series: {name: [a value per group]}."""
    chart = Chart(title, y_label, note)
    y_axis = Axis([v for values in series.values() for v in values],
                  chart.inner[1], log)
    chart.y_axis(y_axis)
    wide = chart.inner[0] / len(groups)
    bar = wide * 0.8 / len(series)
    bottom = TOP + chart.inner[1]
    for g, name in enumerate(groups):
        left = LEFT + g * wide + wide * 0.1
        for part, words in enumerate(name.split("\n")):
            chart.parts.append(text(left + wide * 0.4, bottom + 20 + 16 * part,
                                    words, 12))
        for i, values in enumerate(series.values()):
            if values[g] is None:
                continue
            tall = y_axis.at(values[g]) if values[g] > 0 else 0
            x = left + i * bar
            chart.parts.append(
                f"<rect x='{x:.1f}' y='{bottom - tall:.1f}' "
                f"width='{bar * 0.92:.1f}' height='{max(tall, 1):.1f}' "
                f"fill='{COLOURS[i % len(COLOURS)]}'/>")
            chart.parts.append(bar_number(x + bar * 0.46, bottom - tall, bar,
                                          number(values[g])))
    chart.legend(series, lambda x, y, i: (
        f"<rect x='{x}' y='{y - 7}' width='24' height='14' "
        f"fill='{COLOURS[i % len(COLOURS)]}'/>"))
    chart.save(path)
