"""Charts: every figure is drawn and adds up, whatever the labels hold."""

from datetime import date

from lxml import etree

from gateway.pages.charts import MOST, REST, by_day, by_label

NS = {"s": "http://www.w3.org/2000/svg"}


def test_days_without_anything_are_shown_too() -> None:
    chart = by_day(
        "d", "Views by day", [(date(2026, 3, 2), 2), (date(2026, 3, 2), 3)], date(2026, 3, 1), date(2026, 3, 4)
    )
    assert [(bar.label, bar.count) for bar in chart.bars] == [
        ("2026-03-01", 0),
        ("2026-03-02", 5),
        ("2026-03-03", 0),
        ("2026-03-04", 0),
    ]
    drawn = etree.fromstring(str(chart.svg))
    heights = [float(rect.get("height")) for rect in drawn.findall("s:rect", NS)]
    assert heights[1] == max(heights) > 100
    assert heights[0] == heights[2] == 0


def test_the_rest_is_one_bar_so_that_the_sum_is_whole() -> None:
    chart = by_label("u", "Views by user", "User", [(f"user {number:02}", number) for number in range(1, 31)])
    assert len(chart.bars) == MOST + 1
    assert chart.bars[0].label == "user 30"
    assert chart.bars[-1].label == REST
    assert chart.total == sum(range(1, 31))


def test_labels_are_text_and_nothing_more() -> None:
    hostile = "<script>alert(1)</script>\x00\u202e\" onload='x'"
    chart = by_label("s", "By <system>", "System", [(hostile, 1), ("", 2)])
    drawn = etree.fromstring(str(chart.svg))
    assert {element.tag.rpartition("}")[2] for element in drawn.iter()} == {"svg", "title", "desc", "rect", "text"}
    assert drawn.get("role") == "img"
    assert drawn.findtext("s:title", namespaces=NS) == "By <system>"
    for element in drawn.iter():
        assert not {name for name in element.attrib if name == "style" or name.startswith("on")}


def test_the_smallest_figure_can_be_seen() -> None:
    chart = by_label("x", "x", "x", [("many", 100_000), ("one", 1)])
    widths = [float(rect.get("width")) for rect in etree.fromstring(str(chart.svg)).findall("s:rect", NS)]
    assert widths[1] >= 2
