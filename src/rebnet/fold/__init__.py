"""Folding: how much hardware each layer gets, what that costs in cycles, and how deep the FIFOs must be."""

from collections.abc import Callable
from pathlib import Path

from rebnet.files import file_hash, read_record, write_record
from rebnet.fold.choose import NAMES, choose
from rebnet.fold.depths import predict, size_fifos
from rebnet.ir import storage
from rebnet.rtl.accelerator import Accelerator, accelerator_of, layer_bound
from rebnet.rtl.folding import FOLDING_FILE, MAX_SAMPLES_PER_BEAT, fifo_record, read_accelerator, read_depths
from rebnet.rtl.widths import widths_of


def fold(
    build: Path,
    *,
    folding: str | None = None,
    target_cycles: int | None = None,
    progress: Callable[[str], None] = lambda channel: None,
) -> Accelerator:
    """Choose the folding of the network in `build`, size its FIFOs, and write `folding.json`.

    Args:
        build: folder with the lowered network.
        folding: "paper", "balanced", the path of a folding.json, or None for the text's else balanced. A file
            that gives `fifos` or `samples_per_beat` keeps them, whatever they cost; only `layers` must be there.
        target_cycles: most cycles per image that a balanced layer may take.
        progress: called with the name of each FIFO before it is sized.

    Raises:
        FoldingError: a folding or a depth that a layer cannot have.
    """
    network = storage.load(build)
    foldings = choose(network, folding, target_cycles)
    given = {} if folding in (None, *NAMES) else read_record(Path(str(folding)), {})
    if "samples_per_beat" in given:
        accelerator = read_accelerator(Path(str(folding)), network)
    else:
        accelerator = accelerator_of(network, foldings, samples_per_beat(accelerator_of(network, foldings, 1)))
    depths = read_depths(Path(str(folding)), accelerator) if "fifos" in given else size_fifos(accelerator, progress)
    prediction = predict(accelerator, network.levels, depths)
    record = {
        "inputs": {"network": file_hash(build / storage.NETWORK_FILE)},
        "levels": network.levels,
        "layers": [
            {
                "name": layer.name,
                "pe": layer.pe,
                "simd": layer.simd,
                "level_lanes": layer.level_lanes,
                "cycles": layer.cycles(network.levels),
            }
            for layer in accelerator.layers
        ],
        "fifos": fifo_record(accelerator, depths, prediction.peaks, widths_of(network).accumulators),
        "samples_per_beat": accelerator.samples_per_beat,
        "bound_cycles": accelerator.bound_cycles(network.levels),
        "predicted_cycles_per_image": float(prediction.cycles_per_image),
        "predicted_latency_cycles": prediction.latency_cycles,
        "limiting_fifos": list(prediction.limits),
    }
    write_record(build / FOLDING_FILE, record)
    return accelerator


def samples_per_beat(serial: Accelerator) -> int:
    """The smallest power of two with which the input takes no more cycles than the slowest layer."""
    width = 1
    while -(-serial.samples // width) > layer_bound(serial.layers, serial.served) and width < MAX_SAMPLES_PER_BEAT:
        width *= 2
    return width
