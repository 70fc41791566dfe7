"""Runs of one data set whose networks are widened forms of each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from rebnet.errors import OptionError
from rebnet.ir.notation import Architecture, parse
from rebnet.reproduce.published import NETWORKS
from rebnet.reproduce.records import Run
from rebnet.reproduce.widths import scale


@dataclass(frozen=True)
class Wide:
    """A run and how much wider its network is than the narrowest one."""

    run: Run
    scale: float

    @property
    def weights_kib(self) -> float:
        """KiB of all weights, 1 bit each."""
        return sum(place.weights for place in self.run.network.places) / 8 / 1024


def widths(runs: Sequence[Run]) -> list[Wide]:
    """The runs of one data set with their S, in the order of M and S.

    Raises:
        OptionError: a run's network is not a widened form of the others'.
    """
    if not runs:
        return []
    base = _base(runs)
    wide = []
    for run in runs:
        factor = scale(run.network, base)
        if factor is None:
            raise OptionError(
                f"{run.name}: its network {run.network.without_folding()} is not {base.without_folding()} with "
                "hidden layers of another width; leave it out"
            )
        wide.append(Wide(run, factor))
    return sorted(wide, key=lambda each: (each.run.levels, each.scale))


def _base(runs: Sequence[Run]) -> Architecture:
    """The network of S = 1: the paper's for the data set if the runs are of its form, else the narrowest."""
    if runs[0].dataset in NETWORKS:
        paper = parse(NETWORKS[runs[0].dataset][1])
        if scale(runs[0].network, paper) is not None:
            return paper
    return min((run.network for run in runs), key=lambda network: sum(layer.rows for layer in network.weighted))
