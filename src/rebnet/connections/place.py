"""The text that says where a network runs: KIND:NAME?OPTION=VALUE&OPTION=VALUE, and the build that is meant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rebnet.errors import OptionError

_MOST = 1 << 31


@dataclass(frozen=True)
class Place:
    """Where a network runs.

    Attributes:
        where: the whole text.
        name: what stands between the kind and the options: a folder, a device.
        build: the build whose accelerator is there, where the name does not say it.
        options: by name.
    """

    where: str
    name: str
    build: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, where: str, build: Path | None = None) -> "Place":
        """Take a text apart.

        Raises:
            OptionError: no name, or an option that is none.
        """
        rest = where.partition(":")[2]
        name, _, listed = rest.partition("?")
        if not name:
            raise OptionError(f"where={where!r}: nothing stands behind the colon; name a folder or a device there")
        options: dict[str, str] = {}
        for option in listed.split("&") if listed else ():
            key, equals, value = option.partition("=")
            if not equals or not value or key in options:
                raise OptionError(f"where={where!r}: {option!r} is no option; write NAME=VALUE, each name once")
            options[key] = value
        return cls(where, name, build, options)

    def named_build(self) -> Path:
        """The build whose accelerator is there.

        Raises:
            OptionError: none was named.
        """
        if self.build is None:
            raise OptionError(
                f'where={self.where!r}: which network should answer? Name its build: rebnet.connect("{self.where}", '
                '"build/x")'
            )
        return self.build

    def numbers(self, *known: str, whole: str = "", seed: str = "") -> dict[str, float]:
        """The options, all numbers above 0, below 2^31, and among those `known`.

        The one `whole` has no fraction; nor has the one `seed`, which may be 0 too.

        Raises:
            OptionError: one is not.
        """
        found = {}
        for key, value in self.options.items():
            if key not in known:
                legal = f"it knows {', '.join(known)}" if known else "it has none"
                raise OptionError(f"where={self.where!r}: there is no option {key!r}; {legal}")
            try:
                number = float(value)
            except ValueError:
                number = -1.0
            if key == seed and not (number.is_integer() and 0 <= number < _MOST):
                raise OptionError(f"where={self.where!r}: {key}={value} is no whole number from 0 below 2^31; give one")
            if key != seed and not 0 < number < _MOST:
                raise OptionError(f"where={self.where!r}: {key}={value} is no number above 0 and below 2^31; give one")
            if key == whole and not number.is_integer():
                raise OptionError(f"where={self.where!r}: {key}={value} is no whole number; give one")
            found[key] = number
        return found
