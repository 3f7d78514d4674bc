"""Bar charts as SVG, made on the server: no script, no style attribute, no remote address. A table with the same figures goes beside each.

Pure: figures in, markup out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lxml import etree
from markupsafe import Markup

SVG = "http://www.w3.org/2000/svg"
WIDTH, BAR, GAP, LEFT, TALL, FOOT = 760, 26, 8, 330, 180, 28
BLUE, INK = "#005eb8", "#212b32"
MOST = 15
REST = "Others"
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure and what it counts."""

    label: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart: its name, its bars in order, and how the label column of its table is called."""

    name: str
    title: str
    column: str
    bars: tuple[Bar, ...]
    by_day: bool = False

    @property
    def total(self) -> int:
        """All counts together."""
        return sum(bar.count for bar in self.bars)

    @property
    def svg(self) -> Markup:
        """The drawing; to those who do not see it, its title and its sum."""
        root = etree.Element(f"{{{SVG}}}svg", nsmap={None: SVG})  # type: ignore[dict-item]  # the stubs know no default namespace
        height = TALL + FOOT if self.by_day else max(1, len(self.bars)) * (BAR + GAP)
        for name, value in (
            ("viewBox", f"0 0 {WIDTH} {height}"),
            ("role", "img"),
            ("aria-labelledby", f"{self.name}-title {self.name}-sum"),
            ("focusable", "false"),
        ):
            root.set(name, value)
        _text(root, "title", self.title, id=f"{self.name}-title")
        _text(root, "desc", f"{self.total} in all. The table has every figure.", id=f"{self.name}-sum")
        if self.by_day:
            _upright(root, self.bars)
        else:
            _lying(root, self.bars)
        return Markup(etree.tostring(root, encoding="unicode"))  # noqa: S704 - a tree's own serialisation, its texts escaped


def by_day(name: str, title: str, counts: Iterable[tuple[date, int]], first: date, last: date) -> Chart:
    """Every day from first to last, also those without any."""
    sums: dict[date, int] = {}
    for day, count in counts:
        sums[day] = sums.get(day, 0) + count
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    bars = tuple(Bar(day.isoformat(), sums.get(day, 0)) for day in days)
    return Chart(name=name, title=title, column="Day", bars=bars, by_day=True)


def by_label(name: str, title: str, column: str, counts: Iterable[tuple[str, int]]) -> Chart:
    """The largest first; beyond fifteen the rest together, so that the sum stays whole."""
    sums: dict[str, int] = {}
    for label, count in counts:
        sums[label] = sums.get(label, 0) + count
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    bars = [Bar(label, count) for label, count in ordered[:MOST]]
    rest = sum(count for _, count in ordered[MOST:])
    if rest:
        bars.append(Bar(REST, rest))
    return Chart(name=name, title=title, column=column, bars=tuple(bars))


def _text(parent: "etree._Element", tag: str, words: str, **attributes: str) -> None:
    made = etree.SubElement(
        parent, f"{{{SVG}}}{tag}", {name.replace("_", "-"): value for name, value in attributes.items()}
    )
    made.text = "".join(letter if letter.isprintable() else " " for letter in words)


def _rect(parent: "etree._Element", x: float, y: float, width: float, height: float) -> None:
    sizes = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{width:g}", "height": f"{height:g}"}
    etree.SubElement(parent, f"{{{SVG}}}rect", {**sizes, "fill": BLUE})


def _share(count: int, bars: Sequence[Bar], room: float) -> float:
    """The length of a bar; whatever is not nothing can be seen."""
    most = max((bar.count for bar in bars), default=0)
    return max(2.0, round(room * count / most, 1)) if count else 0.0


def _lying(root: "etree._Element", bars: Sequence[Bar]) -> None:
    for number, bar in enumerate(bars):
        top = number * (BAR + GAP)
        short = bar.label if len(bar.label) <= _LONGEST else f"{bar.label[: _LONGEST - 1]}…"
        length = _share(bar.count, bars, WIDTH - LEFT - 60)
        line = f"{top + BAR * 0.7:g}"
        _text(root, "text", short, x=str(LEFT - 10), y=line, text_anchor="end", font_size="14", fill=INK)
        _rect(root, LEFT, top, length, BAR)
        _text(root, "text", str(bar.count), x=f"{LEFT + length + 8:g}", y=line, font_size="14", fill=INK)


def _upright(root: "etree._Element", bars: Sequence[Bar]) -> None:
    step = WIDTH / max(1, len(bars))
    for number, bar in enumerate(bars):
        left, length = number * step, _share(bar.count, bars, TALL - 24)
        _rect(root, round(left + 2, 1), TALL - length, round(max(1.0, step - 4), 1), length)
        middle = f"{left + step / 2:.1f}"
        if bar.count:
            above = f"{TALL - length - 5:g}"
            _text(root, "text", str(bar.count), x=middle, y=above, text_anchor="middle", font_size="12", fill=INK)
        _text(root, "text", bar.label[8:], x=middle, y=str(TALL + 18), text_anchor="middle", font_size="12", fill=INK)
