"""Reads text that may be broken anywhere, in one pass, and repairs only what keeps every other character in its place."""

import re

from gateway.xml.faults import Fault
from gateway.xml.source import Problem, Source, Tag
from gateway.xml.spoken import may_be_said, said

MAX_PROBLEMS = 100
_SMART = "“”„‟″«»‘’‚‛′"
_SPACE = " \t\r\n"
_NAME = re.compile(r"[^\s<>/=\"'&“”„‟″«»‘’‚‛′]+")
_BLANKS = re.compile(r"[ \t\r\n]*+")
_REFERENCE = re.compile(r"&(?:(#[0-9]+|#x[0-9A-Fa-f]+)|([^\s&;<>]+));|&")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_FIVE = {"amp", "lt", "gt", "quot", "apos"}


def _blanked(text: str) -> str:
    """As many characters on as many lines, all of them blank."""
    return re.sub(r"[^\n]", " ", text)


class _Scanner:
    """One pass over the text, tag by tag."""

    def __init__(self, text: str) -> None:
        self.source = Source(text)
        self.text = text
        self.open: list[Tag] = []
        self.scopes: list[set[str]] = [{"xml", "xmlns"}]
        self.rooted = False

    def scan(self) -> Source:
        for match in _CONTROL.finditer(self.text):
            if self.full:
                break
            self.problem(Fault.CONTROL_CHARACTER, match.start())
            self.repair(match.start(), match.end(), " ")
        at = 0
        while not self.source.broken and not self.full:
            begin = self.text.find("<", at)
            self.characters(at, begin if begin >= 0 else len(self.text))
            if begin < 0 or self.source.broken:
                break
            at = self.markup(begin)
        if self.open and not self.source.broken:
            tag = self.open[-1]
            self.stop(Fault.UNCLOSED, tag.start, expected=f"</{said(tag.name)}>")
        self.source.problems.sort(key=lambda problem: problem.offset)
        return self.source

    @property
    def full(self) -> bool:
        """Whether there is enough to tell: nobody mends the rest before these."""
        return len(self.source.problems) >= MAX_PROBLEMS

    def problem(self, fault: Fault, offset: int, **words: str) -> None:
        self.source.problems.append(Problem(fault, offset, **words))

    def repair(self, begin: int, end: int, new: str = "") -> None:
        self.source.repairs.append((begin, end, new))

    def stop(self, fault: Fault, offset: int, **words: str) -> int:
        """A problem behind which nothing more can be told."""
        self.problem(fault, offset, **words)
        self.source.broken = True
        return len(self.text)

    def characters(self, begin: int, end: int) -> None:
        """Text between tags."""
        first = _BLANKS.match(self.text, begin, end)
        start = first.end() if first else begin
        if start == end:
            return
        if self.text[start] == "\ufeff":
            self.problem(Fault.MISPLACED_BYTE_ORDER_MARK, start)
            self.repair(start, start + 1, " ")
            self.characters(start + 1, end)
        elif not self.open:
            fault = Fault.TRAILING_CONTENT if self.rooted else Fault.NOT_WELL_FORMED
            self.stop(fault, start, expected="nothing" if self.rooted else "an element")
        else:
            if self.open[-1].text is None:
                self.open[-1].text = start
            self.references(begin, end)

    def references(self, begin: int, end: int) -> None:
        for match in _REFERENCE.finditer(self.text, begin, end):
            if self.full:
                return
            if match[0] == "&":
                self.problem(Fault.BARE_AMPERSAND, match.start(), expected="&amp;", fragment="&amp;")
            elif match[2] and match[2] not in _FIVE and self.source.typed:
                self.source.hidden = True
            elif match[2] and match[2] not in _FIVE:
                self.problem(Fault.ENTITY, match.start(), expected="the character itself")
            else:
                continue
            self.repair(match.start(), match.end())

    def markup(self, at: int) -> int:
        """What begins with `<`. Returns the offset behind it."""
        for opening, closing in (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")):
            if self.text.startswith(opening, at):
                end = self.text.find(closing, at + len(opening))
                if end < 0:
                    return self.stop(Fault.NOT_WELL_FORMED, at, expected=closing)
                if opening == "<?":
                    self.instruction(at)
                    self.repair(at, end + 2, _blanked(self.text[at : end + 2]))
                if opening == "<![CDATA[" and self.open and self.open[-1].text is None:
                    self.open[-1].text, self.open[-1].cdata = at, True
                return end + len(closing)
        if self.text.startswith("<!", at):
            return self.declaration(at)
        if self.text.startswith("</", at):
            return self.end_tag(at)
        return self.start_tag(at)

    def instruction(self, at: int) -> None:
        """A processing instruction; what looks like an XML declaration is one only at the very beginning."""
        if re.match(r"<\?xml[ \t\r\n?]", self.text[at : at + 6]):
            self.problem(
                Fault.NOT_WELL_FORMED, at, expected="the XML declaration before everything else, or not at all"
            )
        else:
            self.problem(Fault.PROCESSING_INSTRUCTION, at, expected="none")

    def declaration(self, at: int) -> int:
        """A DTD: blanked out whole, so that the rest can still be explained."""
        bracket, close = self.text.find("[", at), self.text.find(">", at)
        if 0 <= bracket < close:
            close = self.text.find(">", max(self.text.find("]", bracket), bracket))
        if close < 0 or self.rooted:
            return self.stop(Fault.DOCTYPE, at)
        self.problem(Fault.DOCTYPE, at)
        self.source.typed = True
        self.repair(at, close + 1, _blanked(self.text[at : close + 1]))
        return close + 1

    def end_tag(self, at: int) -> int:
        end = self.text.find(">", at)
        name = self.text[at + 2 : end].strip(_SPACE) if end >= 0 else ""
        if end < 0 or "<" in name:
            return self.stop(Fault.NOT_WELL_FORMED, at, expected="an end tag")
        if not self.open:
            return self.stop(Fault.TRAILING_CONTENT, at, expected="nothing", found=f"</{said(name)}>")
        tag = self.open[-1]
        if tag.name != name:
            expected = f"</{said(tag.name)}>"
            fragment = expected if may_be_said(tag.name) else ""
            return self.stop(Fault.TAG_MISMATCH, at, expected=expected, found=f"</{said(name)}>", fragment=fragment)
        tag.close, tag.ended = at, end + 1
        self.open.pop()
        self.scopes.pop()
        return end + 1

    def start_tag(self, at: int) -> int:
        name = _NAME.match(self.text, at + 1)
        if not name:
            return self.stop(Fault.NOT_WELL_FORMED, at, expected="a name behind <")
        if self.rooted and not self.open:
            return self.stop(Fault.TRAILING_CONTENT, at, expected="nothing", found=f"<{said(name[0])}>")
        tag = self.child(name[0], at)
        self.source.tags.append(tag)
        self.rooted = True
        end = self.attributes(tag, name.end())
        if self.source.broken:
            return end
        self.scopes.append(self.scopes[-1] | tag.bound.keys() if tag.bound else self.scopes[-1])
        self.prefixes(tag)
        if self.text.startswith("/>", end):
            self.scopes.pop()
            tag.ended = end + 2
            return end + 2
        self.open.append(tag)
        return end + 1

    def child(self, name: str, at: int) -> Tag:
        """A start tag as the next child of what is open."""
        if not self.open:
            return Tag(name, at)
        parent = self.open[-1]
        parent.many += 1
        parent.named[name] = nth = parent.named.get(name, 0) + 1
        return Tag(name, at, parent, nth, parent.many)

    def prefixes(self, tag: Tag) -> None:
        for written, offset in ((tag.name, tag.start), *tag.attributes.items()):
            prefix, colon, _ = written.partition(":")
            if colon and prefix not in self.scopes[-1]:
                self.problem(Fault.UNBOUND_PREFIX, offset, expected=f"xmlns:{said(prefix)}=…", found=f"{said(prefix)}:")
                self.source.broken = True

    def attributes(self, tag: Tag, at: int) -> int:
        """Attributes up to `>` or `/>`, whose offset is returned."""
        while True:
            if self.full:
                self.source.broken = True
                return at
            blanks = _BLANKS.match(self.text, at)
            at = blanks.end() if blanks else at
            if self.text.startswith((">", "/>"), at):
                return at
            name = _NAME.match(self.text, at)
            if not name:
                return self.stop(Fault.NOT_WELL_FORMED, min(at, len(self.text) - 1), expected="an attribute or >")
            at = self.attribute(tag, name[0], name.start(), name.end())
            if self.source.broken:
                return at

    def attribute(self, tag: Tag, name: str, begin: int, at: int) -> int:
        equals = re.compile(r"[ \t\r\n]*+=[ \t\r\n]*+").match(self.text, at)
        if not equals:
            return self.stop(Fault.NOT_WELL_FORMED, begin, expected=f'{said(name)}="…"')
        at = equals.end()
        quote = self.text[at : at + 1]
        if quote in {'"', "'"}:
            end = self.text.find(quote, at + 1)
        elif quote and quote in _SMART:
            end = self.smart(at)
        else:
            return self.stop(Fault.UNQUOTED_ATTRIBUTE, begin, expected=f'{said(name)}="…"')
        if end < 0 or self.text.find("<", at, end) >= 0:
            return self.stop(Fault.NOT_WELL_FORMED, begin, expected="a closing quotation mark, and no < in the value")
        if name in tag.attributes:
            self.problem(Fault.DUPLICATE_ATTRIBUTE, begin, expected=f"one {said(name)}", found=said(name))
            self.repair(begin, end + 1)
        else:
            tag.attributes[name] = begin
            if name == "xmlns" or name.startswith("xmlns:"):
                tag.bound[name[6:]] = self.text[at + 1 : end]
            self.references(at + 1, end)
        return end + 1

    def smart(self, at: int) -> int:
        """A value between typographic quotation marks: both are repaired. Returns the closing one's offset, or -1."""
        closing = re.compile(f"[{_SMART}\"']").search(self.text, at + 1)
        if not closing:
            return -1
        self.problem(Fault.SMART_QUOTES, at, expected='"', fragment='"')
        self.repair(at, at + 1, '"')
        self.repair(closing.start(), closing.end(), '"')
        return closing.start()


def scan(text: str) -> Source:
    """Text -> Source. Never raises; linear in the text's length."""
    return _Scanner(text).scan()
