"""One table object for HTML, PDF and Word: header with spanners, body with sections, notes after the APA."""

from __future__ import annotations

from dataclasses import dataclass

from fortems.report.page import nodes

_ALIGN = {"l": "AlignLeft", "r": "AlignRight", "c": "AlignCenter"}


@dataclass(frozen=True)
class Cell:
    """A cell of the body.

    Attributes
    ----------
    text : str
        What stands in it.
    marked : bool
        Whether ``*``, ``^`` and ``~`` are markup; False for anything that comes from data.
    number : int or None
        Position in the ledger of bound numbers.
    link : str
        Identifier of the section that the text points to, or empty.
    parts : tuple of Cell
        Pieces that stand one after the other instead of a text.
    """

    text: str = ""
    marked: bool = False
    number: int | None = None
    link: str = ""
    parts: tuple[Cell, ...] = ()

    @classmethod
    def of(cls, *parts: Cell | str) -> Cell:
        """Join pieces into one cell; a text is no markup."""
        return cls(parts=tuple(part if isinstance(part, Cell) else cls(part) for part in parts))

    def inlines(self) -> list[nodes.Node]:
        """The cell as pandoc inlines."""
        if self.parts:
            return [node for part in self.parts for node in part.inlines()]
        found = nodes.marked(self.text) if self.marked else nodes.words(self.text)
        if self.number is not None:
            found = [nodes.span(found, "n", **{"data-n": str(self.number)})]
        if self.link:
            found = [nodes.link(found, self.link)]
        return found


@dataclass(frozen=True)
class Section:
    """A row that names the rows below it."""

    text: str


Body = tuple["Section | tuple[Cell | str, ...]", ...]


@dataclass(frozen=True)
class Table:
    """A table of the manuscript.

    Attributes
    ----------
    name : str
        Identifier, ``tbl-`` first.
    title : str
        The caption; ``*x*`` is italic.
    header : tuple of str or Cell
        Column heads; ``*x*`` in a text is italic.
    align : str
        One letter a column: ``l``, ``r`` or ``c``.
    body : tuple
        Rows of cells (a text is a cell that is no markup) and section rows.
    notes : tuple of str or Cell
        General, specific and probability notes; ``*x*`` is italic.
    spanners : tuple of (str, int)
        A first header row: text and the number of columns below it; empty texts leave a gap.
    widths : tuple of float
        Shares of the text width, one a column; empty: as the content asks.
    small : bool
        Smaller type, for wide tables.
    studies : bool
        Whether it shows simulated studies and nothing of the run's own data.
    """

    name: str
    title: str
    header: tuple[str | Cell, ...]
    align: str
    body: Body
    notes: tuple[str | Cell, ...] = ()
    spanners: tuple[tuple[str, int], ...] = ()
    widths: tuple[float, ...] = ()
    small: bool = False
    studies: bool = False

    def __post_init__(self) -> None:
        columns = len(self.header)
        if len(self.align) != columns or (self.widths and len(self.widths) != columns):
            raise ValueError(f"{self.name}: align and widths must name each of {columns} columns")
        if self.spanners and sum(over for _, over in self.spanners) != columns:
            raise ValueError(f"{self.name}: the spanners must cover {columns} columns")
        for line in self.body:
            if not isinstance(line, Section) and len(line) != columns:
                raise ValueError(f"{self.name}: a row of {len(line)} cells in {columns} columns: {line}")

    def blocks(self, simulated: str = "") -> list[nodes.Node]:
        """The table and its notes as one division; ``simulated`` is a further note on every such table."""
        aligns = [_ALIGN[letter] for letter in self.align]
        widths = [{"t": "ColWidth", "c": width} for width in (self.widths or self._shares())]
        node = {
            "t": "Table",
            "c": [
                nodes.attr(self.name),
                [None, [nodes.plain(nodes.marked(self.title))]],
                [[{"t": align}, width] for align, width in zip(aligns, widths, strict=True)],
                [nodes.attr(), self._head(aligns)],
                [[nodes.attr(), 0, [], [self._line(line, aligns) for line in self.body]]],
                [nodes.attr(), []],
            ],
        }
        blocks: list[nodes.Node] = [nodes.div([node], classes=["table-scroll"])]
        notes = [*self.notes, *([simulated] if simulated else [])]
        for index, note in enumerate(notes):
            lead = [nodes.emph(nodes.words("Note.")), {"t": "Space"}] if index == 0 else []
            blocks.append(nodes.div([nodes.para(lead + _inlines(note))], classes=["note"]))
        return [nodes.div(blocks, classes=["table", *(["small"] if self.small else [])])]

    def _shares(self) -> tuple[float, ...]:
        """Shares of the width after the longest text of each column, wide texts damped so that they wrap."""
        longest = [len(nodes.text_of(_inlines(text))) for text in self.header]
        for line in self.body:
            if not isinstance(line, Section):
                found = [_text(item) for item in line]
                longest = [max(width, len(text)) for width, text in zip(longest, found, strict=True)]
        wanted = [min(width, 24) + max(0, width - 24) ** 0.5 + 2.0 for width in longest]
        return tuple(width / sum(wanted) for width in wanted)

    def _head(self, aligns: list[str]) -> list[list[object]]:
        """Head rows; a column without a spanner has its head over both rows."""
        heads = [nodes.head(_inlines(text), align) for text, align in zip(self.header, aligns, strict=True)]
        if not self.spanners:
            return [nodes.row(heads)]
        first, second, column = [], [], 0
        for text, over in self.spanners:
            below = heads[column : column + over]
            column += over
            if text:
                first.append(nodes.head(nodes.marked(text), "AlignCenter", over))
                second += below
            else:
                first += [[attribute, align, 2, 1, content] for attribute, align, _, _, content in below]
        return [nodes.row(first), nodes.row(second)]

    def _line(self, line: Section | tuple[Cell | str, ...], aligns: list[str]) -> list[object]:
        if isinstance(line, Section):
            return nodes.row([nodes.cell([nodes.emph(nodes.marked(line.text))], "AlignLeft", len(aligns))])
        cells = [item if isinstance(item, Cell) else Cell(item) for item in line]
        return nodes.row(
            [nodes.cell(item.inlines(), align) for item, align in zip(cells, aligns, strict=True)]
        )


def _inlines(item: Cell | str) -> list[nodes.Node]:
    return item.inlines() if isinstance(item, Cell) else nodes.marked(item)


def _text(item: Cell | str) -> str:
    return nodes.text_of((item if isinstance(item, Cell) else Cell(item)).inlines())
