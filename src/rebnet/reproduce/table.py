"""A table that the terminal and a Markdown file show alike."""

from dataclasses import dataclass

_BAR = "\\|"  # a bar that does not end its cell


@dataclass(frozen=True)
class Table:
    """Rows of text under headings.

    Attributes:
        title: one line above.
        headings: one a column.
        rows: cells; empty where there is no number.
        caption: sentences below, units and assumptions.
        missing: commands that make the measurements that are not there.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str
    missing: tuple[str, ...] = ()

    @property
    def markdown(self) -> str:
        """The whole table as a Markdown page."""
        lines = [self.headings, ("---",) * len(self.headings), *self.rows]
        body = "\n".join(f"| {' | '.join(cell.replace('|', _BAR) for cell in line)} |" for line in lines)
        lines_below = "\n".join(f"$ {command}" for command in self.missing)
        below = f"\nNot measured yet; these commands do it:\n\n```console\n{lines_below}\n```\n" if self.missing else ""
        return f"# {self.title}\n\n{body}\n\n{self.caption}\n{below}"


def percent(value: float | None) -> str:
    """An accuracy in percent, two places, or nothing."""
    return "" if value is None else f"{value:.2f}"


def whole(value: float | None) -> str:
    """A whole number with separated thousands, or nothing."""
    return "" if value is None else f"{value:,.0f}"
