"""One face for a network, wherever it runs: this processor, the simulated RTL, a board.

    zoo:NAME, a folder      this processor                          cpu
    simulator:BUILD         the build's RTL under Verilator         simulator
    serial:PORT             a board with the UART shell             serial
    pynq:FOLDER             a board with PYNQ and the AXI shell     pynq
    litex:PORT              a board with a LiteX SoC                litex

A kind is a word before a colon and a function; `KINDS` lists them, and nothing else knows one by name.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from rebnet import zoo
from rebnet.connections.cpu import load
from rebnet.connections.place import Place
from rebnet.engine.connection import Connection
from rebnet.errors import OptionError
from rebnet.ir import storage
from rebnet.paths import path_of


class Kind(Protocol):
    """Opens a connection to what a place names; errors as the kind says them."""

    def __call__(self, place: Place) -> Connection: ...  # noqa: D102


def _simulator(place: Place) -> Connection:
    from rebnet.connections.simulator import open_simulator

    return open_simulator(place)


def _serial(place: Place) -> Connection:
    from rebnet.connections.serial import open_serial

    return open_serial(place)


def _pynq(place: Place) -> Connection:
    from rebnet.connections.pynq import open_pynq

    return open_pynq(place)


def _litex(place: Place) -> Connection:
    from rebnet.connections.litex import open_litex

    return open_litex(place)


KINDS: Mapping[str, Kind] = {"simulator": _simulator, "serial": _serial, "pynq": _pynq, "litex": _litex}
"""By name; each imports what it needs when it is asked for."""
_NAME_A_BUILD = frozenset({"simulator"})
"""Kinds whose place is itself a build; at the others one is told which is there."""


def connect(where: str | Path, build: str | Path | None = None) -> Connection:
    """What answers at a place; see `rebnet.connect`."""
    kind, colon = str(where).partition(":")[:2]
    if not isinstance(where, str) or not colon or kind == zoo.PREFIX.removesuffix(":") or _is_path(kind, where):
        if build is not None:
            raise OptionError(f"where={str(where)!r} is a network itself; leave build={str(build)!r} out")
        return load(where)
    if kind not in KINDS:
        kinds = ", ".join(f"{known}:" for known in KINDS)
        raise OptionError(
            f"where={where!r}: nothing is reached by {kind + colon!r}; use the folder of a build, {zoo.PREFIX}NAME, or "
            f"one of {kinds}"
        )
    return KINDS[kind](Place.read(where, None if build is None else path_of(build)))


def connect_as(where: str | Path, build: str | Path) -> Connection:
    """What answers at a place that must have the network of a build; errors as of `connect`.

    Raises:
        OptionError: another network is there.
    """
    own = storage.load(path_of(build))
    kind = str(where).partition(":")[0]
    told = isinstance(where, str) and ":" in where and kind in KINDS and kind not in _NAME_A_BUILD
    there = connect(where, build if told else None)
    if there.network != own:
        there.close()
        raise OptionError(
            f"where={str(where)!r}: another network is there than in {build}; name the build whose network it is, or "
            "a place that has this one"
        )
    return there


def _is_path(kind: str, where: str) -> bool:
    """Whether a colon is part of the name of a folder."""
    return kind not in KINDS and ("/" in kind or Path(where).exists())
