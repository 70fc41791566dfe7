"""Folding: how much hardware each layer gets, what that costs in cycles, and how deep the FIFOs must be.

`fold` is the verb. Read on in this order:

1. `rebnet.stages`: the units of an accelerator, what follows from their parameters, and how a network becomes one.
2. `timing`: `processes` (who waits for whom), `schedule` and `pace` (when everything happens), `cycle_model` (what a
   run takes), `depths` (how deep the buffers must be), `from_text` (what a text alone can know).
3. `cost`: `features` (what is there to count), `model` (what a device gives for it).
4. `search`: `choose` (a folding that is given, or balanced), `likely`, `fronts`, `choices`, `walk`, `paths` and
   `search` (the best one for a board, with its proof), `fit` (the same with its buffers sized).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rebnet.boards import Board, Resources
from rebnet.errors import FoldingError, OptionError
from rebnet.files import file_hash, write_record
from rebnet.fold.search.choose import NAMES, UNROLLED, choose
from rebnet.fold.search.fit import Constraints, check_limit, fold_for_board, predicted, resources_record, total
from rebnet.fold.timing.depths import predict, size_fifos
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.records import ABSENT, kinds, read
from rebnet.records import folding as records
from rebnet.stages import ends
from rebnet.stages.accelerator import Accelerator, accelerator_of, layer_bound
from rebnet.stages.buffers import Depths
from rebnet.stages.finn import finn_config
from rebnet.stages.folding import FOLDING_FILE, fifo_record, read_accelerator, read_depths, read_weight_styles
from rebnet.stages.unrolled import WIRES


def fold(
    build: Path,
    *,
    folding: str | None = None,
    target_cycles: int | None = None,
    request: Constraints | None = None,
    most_samples_per_beat: int = ends.MAX_SAMPLES_PER_BEAT,
    progress: Callable[[str], None] = lambda stage: None,
) -> Accelerator:
    """Choose the folding of the network in `build`, size its FIFOs, and write `folding.json`.

    Args:
        build: folder with the lowered network.
        folding: "paper", "balanced", "unrolled" (all weights are wires), the path of a folding.json, or None for the
            text's else balanced. A file
            that gives `fifos` or `samples_per_beat` keeps them, whatever they cost; only `layers` must be there.
        target_cycles: most cycles per image that a balanced layer may take.
        request: a board, and what is asked of it; without a `folding` the best one for it is searched.
        most_samples_per_beat: of the input, a power of two.
        progress: called with what comes next.

    Raises:
        FoldingError: a folding, an input or a depth that a layer cannot have, or a board that is too small.
        OptionError: a board that is not known, or options that do not go together.
    """
    network = storage.load(build)

    def sizing(buffer: str) -> None:
        progress(f"sizing the FIFO {buffer}")

    search: records.Search | None = None
    taken: records.Predicted | None = None
    if request is not None and folding is not None and request.target_fps is not None:
        raise OptionError(
            f"target_fps={request.target_fps:g}: folding {folding!r} leaves nothing to search; leave one of them out"
        )
    if request is not None and folding is None:
        if target_cycles is not None:
            raise OptionError(
                f"target_cycles={target_cycles} is for balanced foldings; for a board say --target-fps, images per "
                "second"
            )
        progress("searching the folding")
        accelerator, depths, search = fold_for_board(
            network, replace(request.goal(), most_samples=most_samples_per_beat), request.margin, sizing
        )
    else:
        accelerator, depths = _given(network, folding, target_cycles, sizing, most_samples_per_beat)
    if request is not None:
        board = request.goal().board
        taken = resources_record(accelerator, depths, board)
        if folding is not None:
            check_limit(request, folding, Resources.from_record(taken.total))
            asked = request.max_utilisation
            taken = replace(taken, max_utilisation=None if asked is None else float(asked))
    prediction = predict(accelerator, network.levels, depths)
    record = records.Folding(
        inputs={"network": file_hash(build / storage.NETWORK_FILE)},
        levels=network.levels,
        layers=tuple(
            records.FoldedLayer(
                name=layer.name,
                pe=layer.pe,
                simd=layer.simd,
                level_lanes=layer.level_lanes,
                plane_lanes=layer.plane_lanes if layer.weight_planes > 1 else ABSENT,
                weight_style=layer.weights_in,
                cycles=layer.cycles(network.levels),
            )
            for layer in accelerator.layers
        ),
        fifos=fifo_record(accelerator, depths, prediction.peaks),
        samples_per_beat=accelerator.samples_per_beat,
        bound_cycles=accelerator.bound_cycles(network.levels),
        predicted_cycles_per_image=float(prediction.cycles_per_image),
        predicted_latency_cycles=prediction.latency_cycles,
        limiting_fifos=tuple(prediction.limits),
        search=search,
        predicted_resources=taken,
    )
    write_record(build / FOLDING_FILE, record)
    return accelerator


def estimate(network: Network, board: Board) -> tuple[kinds.Counts, list[str], int]:
    """What a lowered network takes of a board at its own folding, else balanced; nothing is written.

    Returns:
        What all modules take by the cost model, the kind of each module, and cycles an image.
    """
    accelerator, depths = _given(network, None, None, lambda buffer: None)
    modules = predicted(accelerator, depths, board)
    return total(modules).as_record(), [module.name for module, _ in modules], accelerator.bound_cycles(network.levels)


def _given(
    network: Network,
    folding: str | None,
    target_cycles: int | None,
    progress: Callable[[str], None],
    most_samples: int = ends.MAX_SAMPLES_PER_BEAT,
) -> tuple[Accelerator, Depths]:
    """The accelerator and depths of the text, a file or a target."""
    foldings = choose(network, folding, target_cycles)
    path = None if folding in (None, *NAMES) else Path(str(folding))
    if path is not None and finn_config(path) is not None:
        path = None  # FINN's says nothing but PE and SIMD
    given = None if path is None else read(path, records.GivenFolding)
    if path is not None and given is not None and given.samples_per_beat is not None:
        accelerator = read_accelerator(path, network)
        if given.samples_per_beat > ends.most_at_once(most_samples):
            raise FoldingError(
                f"{path}: samples_per_beat={given.samples_per_beat}, and the shell takes at most {most_samples} a "
                "beat; write no more, or leave it out"
            )
    else:
        styles = None if path is None else read_weight_styles(path, network)
        if folding == UNROLLED:
            styles = (WIRES,) * len(foldings)
        width = samples_per_beat(accelerator_of(network, foldings, 1, styles), most_samples)
        accelerator = accelerator_of(network, foldings, width, styles)
    if path is not None and given is not None and given.fifos is not None:
        return accelerator, read_depths(path, accelerator)
    return accelerator, size_fifos(accelerator, progress)


def samples_per_beat(serial: Accelerator, most: int = ends.MAX_SAMPLES_PER_BEAT) -> int:
    """The smallest power of two with which the input takes no more cycles than the slowest layer; else `most`."""
    first = serial.layers[0]
    at_once = first.unrolled and first.pixels and first.vectors == 1
    return ends.samples_per_beat(serial.samples, layer_bound(serial.layers, serial.served), most, at_once=at_once)
