"""A network text in parts, for `rebnet.ir.notation`."""

import re

_MARK = re.compile(r"(\s-\s|–|—|[0-9]*\{|\||\}[+&<]?)")


class Tokens:
    """The text in parts: words, and the marks behind them: separators, braces and bars."""

    def __init__(self, text: str) -> None:
        self._parts = [part.strip() for part in _MARK.split(text.strip())]
        self._at = 0
        self._number = 1

    @property
    def layers(self) -> int:
        """How many words there are."""
        return sum(part != "" for part in self._parts[0::2])

    @property
    def word(self) -> str:
        """What stands here, in front of the next mark."""
        return self._parts[self._at]

    @property
    def mark(self) -> str:
        """The mark behind it; nothing at the end."""
        return self._parts[self._at + 1] if self._at + 1 < len(self._parts) else ""

    @property
    def at_separator(self) -> bool:
        """Whether the mark parts two items of a chain."""
        return self.mark in ("-", "–", "—")

    @property
    def opens(self) -> bool:
        """Whether the mark opens a block."""
        return self.mark.endswith("{")

    @property
    def closes(self) -> bool:
        """Whether the mark ends a branch."""
        return self.mark[:1] in ("|", "}")

    @property
    def place(self) -> str:
        """Where the mark stands, for messages."""
        return f"network text, token {self._number + (self.word != '')}, {self.mark!r}"

    @property
    def word_place(self) -> str:
        """Where the word stands."""
        return f"network text, token {self._number}, {self.word!r}"

    def next(self) -> None:
        """Go behind the mark."""
        self._number += (self.word != "" or self.at_separator) + (not self.at_separator)
        self._at += 2
