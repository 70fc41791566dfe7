"""The verb `explain`: what becomes of a method of binarization in hardware, and what it takes."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rebnet.errors import OptionError
from rebnet.flow.say import Say, silent
from rebnet.paths import path_of

if TYPE_CHECKING:
    from rebnet.boards import Board
    from rebnet.explain import Counted
    from rebnet.methods.method import Method

BOARD = "zc702"
"""Where nothing is said: the paper's board for CIFAR-10."""
_COUNTED = ("LUT", "FF", "BRAM_36K", "BRAM_18K", "DSP")


def explain(
    source: str | Path,
    *,
    network: str | None = None,
    board: str | None = None,
    part: str | None = None,
    levels: int | None = None,
    threshold_bits: int = 24,
    say: Say = silent,
) -> dict[str, Any]:
    """What a method of binarization costs at inference: nothing, a unit more, or what hardware does not have.

    On a network, which takes PyTorch, the units of "H2" are counted by the cost model: an untrained network of the text
    is compiled in memory with and without each, at the text's folding, else balanced. What "H3" computes while an image
    is classified is counted from the shapes, see `rebnet.explain.run_time`.

    Args:
        source: name of a method, or folder of a finished training.
        network: name of a network or a network text; the training's own of a training.
        board: a board; "zc702" if neither is given.
        part: a part, instead of a board.
        levels: M; the training's own, else 1.
        threshold_bits: T, as in `compile`.
        say: called with what is compiled.

    Returns:
        What `rebnet.explain.explained` says; with a network also `network` and `levels`; where a unit is taken or there
        is more than one level, `board`, what is `taken` by all but "H3" (LUT, FF, BRAM_36K, BRAM_18K, DSP, cycles an
        image) and `units`, what each adds and of which `modules`; and as `run_time` what each part of "H3" would take.

    Raises:
        OptionError: no such method, network or board, a float network's training, or options that need a network.
        FileFormatError: the folder holds no finished training.
        MissingExtraError: there is a network and PyTorch is not installed.
    """
    from rebnet.boards import named_once
    from rebnet.explain import counted, explained, run_time, units, without
    from rebnet.nn.networks import architecture
    from rebnet.nn.options import check_levels

    method, text, own_levels = _method_and_network(source)
    found = explained(method)
    chosen = network or text
    if chosen is None:
        given = {"board": board, "part": part, "levels": levels}
        unread = next((name for name in given if given[name] is not None), None)
        if unread is not None:
            raise OptionError(f"{unread}={given[unread]}: is of a network; name one with --network, or leave it out")
        return found
    m = (1 if own_levels is None else own_levels) if levels is None else levels
    check_levels(m)
    named = named_once(part, board) if part or board else named_once(None, BOARD)
    whole = method.applied(architecture(chosen))
    found |= {"network": str(whole), "levels": m}
    full = counted(method, whole)
    compared = [(judged.place, judged.text, without(judged, full, method), m) for judged in units(method)]
    if m > 1:
        compared.append(("activations", f"{m} levels", full, 1))
    if compared:
        taken = _taken(full, m, named, threshold_bits, say)
        less = [_taken(text, fewer, named, threshold_bits, say) for _, _, text, fewer in compared]
        rows = [_added(place, what, taken, one) for (place, what, _, _), one in zip(compared, less, strict=True)]
        found |= {"board": named.name, "taken": taken.counts, "units": rows}
    rows_of_run_time = [row._asdict() for row in run_time(method, whole, m)]
    return found | ({"run_time": rows_of_run_time} if rows_of_run_time else {})


def _method_and_network(source: str | Path) -> "tuple[Method, str | None, int | None]":
    """The method, and of a training its network and levels."""
    from rebnet.build_folder import TRAINING_FILE
    from rebnet.methods import METHODS

    if isinstance(source, str) and source in METHODS:
        return METHODS[source], None, None
    from rebnet.flow.network import source_of
    from rebnet.records import Training, read
    from rebnet.train.recipe import recipe_of

    if not str(source).startswith("zoo:") and not path_of(source).is_dir():
        raise OptionError(
            f"{source}: neither a method nor a folder of a finished training; methods are {', '.join(METHODS)}"
        )
    path = source_of(source) / TRAINING_FILE
    record = read(path, Training, needs=("recipe",))
    if record.levels == 0:
        raise OptionError(f"{source}: holds a float network, which binarizes nothing; explain a run of 1 to 8 levels")
    recipe = recipe_of(path, dict(record.recipe or {}))
    return METHODS[recipe.method], record.network, record.levels


class _Taken(NamedTuple):
    """What an untrained network takes.

    Attributes:
        counts: Of each resource, and cycles an image.
        modules: How many modules there are of each kind.
    """

    counts: dict[str, int]
    modules: "Counter[str]"


def _taken(built: "Counted", levels: int, board: "Board", threshold_bits: int, say: Say) -> _Taken:
    from rebnet.export.untrained import untrained
    from rebnet.fold import estimate
    from rebnet.lower import lower

    say(f"compiling {built.network}, M = {levels}")
    network = lower(untrained(built.network, levels, built.planes), threshold_bits=threshold_bits)
    counts, kinds, cycles = estimate(network, board)
    return _Taken({**{key: int(counts[key]) for key in _COUNTED}, "cycles": cycles}, Counter(kinds))


def _added(place: str, what: str, taken: _Taken, less: _Taken) -> dict[str, Any]:
    """What a part adds, and of which modules."""
    counts = {key: value - less.counts[key] for key, value in taken.counts.items()}
    return {"part": place, "is": what, **counts, "modules": dict(sorted((taken.modules - less.modules).items()))}
