"""Active and misleading markup for the one patient whose record carries it.

Everything here must be dropped or refused by a careful reader, while every plain word stays. Nothing here fetches or
does anything in the stub.
"""

from lxml import etree

from vendor_stubs.xml import Element, add, qname

SVG = "http://www.w3.org/2000/svg"
BEACON = "http://beacon.invalid/collect"


def poison(body: Element) -> None:
    """Adds the hostile section to a presentation text, and handlers to markup that is already there."""
    add(body, "h2", "Notes with active content", id="HostileHeader", onclick="alert(1)", style="position:fixed")
    add(body, "script", "document.title = 'SCRIPT-RAN';")
    add(body, "style", f"body {{ background: url({BEACON}/style) }}")
    text = add(body, "p", "Word before the picture, ", onmouseover="alert(2)")
    picture = add(text, "img", src=f"{BEACON}/pixel.png", onerror="alert(3)", alt="")
    picture.tail = "word after the picture."
    links = add(body, "p", "Read the ")
    for number, target in enumerate(("javascript:alert(4)", "JaVa\tScRiPt:alert(5)", "data:text/html,<b>6</b>")):
        link = add(links, "a", f"link {number + 1}", href=target)
        link.tail = ", then "
    links[-1].tail = "and stop."
    svg = etree.SubElement(body, qname(SVG, "svg"), {"onload": "alert(7)"}, nsmap={"svg": SVG})
    add(svg, "text", "Words inside a drawing")
    add(body, "iframe", "Words inside a frame", src=f"{BEACON}/frame")
    add(body, "object", "Words inside an object", data=f"{BEACON}/object")
    form = add(body, "form", "Words of a form ", action=f"{BEACON}/form")
    add(form, "input", name="password", onfocus="alert(8)", autofocus="autofocus")
    add(body, "link", rel="stylesheet", href=f"{BEACON}/sheet.css")
    add(body, "meta", **{"http-equiv": "refresh", "content": f"0;url={BEACON}/meta"})
    add(body, "base", href=BEACON)
    trick = add(body, "p")
    trick.text = etree.CDATA("Plain words <script>alert(9)</script> that only look like markup &amp; stay")
    comment = etree.Comment(" <script>alert(10)</script> ")
    body.append(comment)
    comment.tail = "Bare words after a comment."
    body.append(etree.ProcessingInstruction("php", "echo 11"))
    table = add(body, "table", id="Hostile", background=f"{BEACON}/table")
    row = add(table, "tr", onclick="alert(12)")
    cell = add(row, "td", "Cell with a ")
    add(cell, "b", "bold", style="display:none").tail = " word"
