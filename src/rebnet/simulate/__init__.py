"""Simulation: the generated RTL under Verilator against the integer network, image by image."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rebnet import records
from rebnet.datasets.dataset import Answers, Dataset, judged
from rebnet.engine.connection import values_of
from rebnet.engine.predictor import Predictor
from rebnet.engine.reference import check_data
from rebnet.errors import OptionError, OutputError
from rebnet.files import file_hash, make_folder, write_record
from rebnet.generate.check import checked
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.records.request import Request
from rebnet.rtl.ports import PORTS_FILE
from rebnet.simulate import cache
from rebnet.simulate.build import build_simulator
from rebnet.simulate.run import Shard, Streams, run_shards
from rebnet.spec.scores import differing_images
from rebnet.spec.scores import labels as labels_of
from rebnet.stages.accelerator import Accelerator
from rebnet.stages.folding import FOLDING_FILE, read_accelerator, read_depths
from rebnet.swap import scratch

SIMULATION_FILE = records.Simulation.FILE
TRACE_SUFFIXES = (".fst", ".vcd")
MAX_STALLS = (1 << 31) - 1
SHORT_CYCLES = 2_000_000
"""Runs of fewer cycles: half the time of the compiler is more than what a quicker program saves."""


@dataclass(frozen=True)
class Simulation:
    """Result of a simulation: the record, and the scores as the RTL gave them, in the shape of a predictor's."""

    record: records.Simulation
    scores: NDArray[np.int64]

    @property
    def mismatches(self) -> int:
        """Images whose RTL scores differ from the integer network's in any class."""
        return self.record.mismatches


def simulate(
    build: Path,
    dataset: Dataset,
    *,
    images: int | None = None,
    levels: tuple[int, ...] | None = None,
    stalls: int | None = None,
    processes: int | None = None,
    trace: Path | None = None,
    trees: bool = False,
    sink_beats: int | None = None,
    edited: bool = False,
    cache_dir: Path | None = None,
    status: Callable[[str], None] = lambda stage: None,
    progress: Callable[[int], None] = lambda images_done: None,
    request: Request | None = None,
) -> Simulation:
    """Send test images through the RTL of `build` and write `simulation.json`.

    What is compiled and run is what the network and the folding generate, made anew; `rtl/` and `mem/` are compared
    with it, and nothing else in `build` is looked at.

    Args:
        build: folder that `generate` has filled.
        dataset: its test images are used, in order.
        images: how many; all if None.
        levels: levels of the images in turn, M for all if None; (3, 1, 2) cycles through these.
        stalls: seed of random idle and backpressure on both streams; None for none.
        processes: copies of the accelerator that run at once; one per core if None.
        trace: waveform to write, FST or VCD by its suffix; runs in one process.
        trees: simulate the counting trees bit by bit, as they are synthesised; many times slower.
        sink_beats: the sink takes this many beats and then no more; None for no limit.
        edited: run `rtl/` and `mem/` as they are, where they differ; the record names what does.
        cache_dir: built simulators are kept in `simulators` in this folder; the user's cache if None.
        status: called with the name of each stage.
        progress: called with the number of images done since the last call.
        request: what the caller was asked for; the record keeps it.

    Raises:
        OptionError: a number of images, levels, processes or stalls that cannot be.
        DatasetError: the images do not fit the network, or have more classes.
        FileFormatError: `rtl/` or `mem/` is not what the network and the folding generate.
        OutputError: the simulator cannot be kept, or the record not written.
        ToolError: the simulator could not be built or died.
        StallError: the streams stopped moving.
    """
    check_options(stalls, processes, trace)
    network = storage.load(build)
    accelerator = read_accelerator(build / FOLDING_FILE, network)
    made = checked(build, edited=edited)
    chosen = dataset.test_images[: dataset.test_count(images)]
    check_data(network, dataset)
    users = _levels(network, levels, len(chosen))

    status("building the simulator")
    kept = cache.default_folder() if cache_dir is None else cache_dir / cache.FOLDER
    kind = "" if trace is None else trace.suffix.removeprefix(".")
    short = len(chosen) * accelerator.bound_cycles(network.levels) < SHORT_CYCLES
    optimize = "-O0" if kind else "-Og" if short else "-O3"
    program = build_simulator(kept, made.sources, made.ports.top, trace=kind, optimize=optimize, trees=trees)

    status("simulating")
    with scratch("mem") as folder:
        made.write(folder)
        shards = run_shards(
            program,
            streams_of(network, accelerator, build),
            chosen.reshape(len(chosen), -1),
            users,
            processes=1 if trace is not None else processes or os.cpu_count() or 1,
            folder=folder,
            stalls=stalls,
            trace=trace,
            sink_beats=sink_beats,
            progress=progress,
        )
    status("comparing with the integer network")
    scores = np.concatenate([shard.scores for shard in shards]).reshape(len(chosen), *network.scores_shape)
    expected = Predictor(network).predict(chosen, users)
    record = replace(
        _record(network, accelerator, dataset, shards, scores, expected, levels, stalls),
        edited=made.edited,
        inputs={"ports": file_hash(build / PORTS_FILE), "images": dataset.test_sha256},
        request=request,
    )
    write_record(build / SIMULATION_FILE, record)
    return Simulation(record, scores)


def check_options(stalls: int | None, processes: int | None, trace: Path | None) -> None:
    """Raise what `simulate` would for these options; it takes no time."""
    if stalls is not None and not 0 <= stalls <= MAX_STALLS:
        raise OptionError(f"stalls={stalls}: the seed of the stalls is a whole number; use 0 to {MAX_STALLS}")
    if processes is not None and processes < 1:
        raise OptionError(f"processes={processes}: at least one accelerator must run; use 1 or more")
    if trace is None:
        return
    if trace.suffix not in TRACE_SUFFIXES:
        raise OptionError(f"trace={trace}: its suffix chooses the format; use {' or '.join(TRACE_SUFFIXES)}")
    if trace.is_dir():
        raise OutputError(f"{trace}: a folder stands where a file is needed; name another --trace")
    make_folder(trace.parent)


def _levels(network: Network, levels: tuple[int, ...] | None, count: int) -> NDArray[np.uint8]:
    wanted = levels or (network.levels,)
    for m in wanted:
        if m not in network.served:
            legal = ", ".join(map(str, network.served))
            raise OptionError(f"levels={m}: this accelerator serves {legal}; choose from these")
    return np.resize(np.asarray(wanted, dtype=np.uint8), count)


def streams_of(network: Network, accelerator: Accelerator, build: Path) -> Streams:
    """The accelerator's streams, with the patience after which silence is an error."""
    depths = read_depths(build / FOLDING_FILE, accelerator)
    slowest = sum(layer.cycles(network.levels) for layer in accelerator.layers)
    return Streams(
        samples=accelerator.samples,
        samples_per_beat=accelerator.samples_per_beat,
        classes=accelerator.scores.scores,
        score_bytes=accelerator.scores.score_bytes,
        max_levels=network.levels,
        patience=4 * (slowest + accelerator.beats_in + accelerator.beats_out) + 2000,
        depths=dict(depths),
        scores_per_beat=accelerator.scores.per_beat,
    )


def _record(
    network: Network,
    accelerator: Accelerator,
    dataset: Dataset,
    shards: list[Shard],
    scores: NDArray[np.int64],
    expected: NDArray[np.int64],
    levels: tuple[int, ...] | None,
    stalls: int | None,
) -> records.Simulation:
    wanted = levels or (network.levels,)
    truth = dataset.test_labels[: len(scores)]
    answers: Answers = (
        values_of(network, scores, np.resize(wanted, len(scores))) if network.regression else labels_of(scores)
    )
    pace = [shard for shard in shards if len(shard.finish) > 1]
    distance = sum(int(shard.finish[-1] - shard.finish[0]) for shard in pace)
    steps = sum(len(shard.finish) - 1 for shard in pace)
    steady = stalls is None and steps > 0
    bounds = [accelerator.bound_cycles(m) for m in wanted]
    return records.Simulation(
        dataset=dataset.name,
        images=len(scores),
        levels=tuple(wanted),
        stalls=stalls,
        mismatches=differing_images(scores, expected),
        **judged(answers, truth),
        cycles_per_image=distance / steps if steady else None,
        bound_cycles=float(np.mean(bounds)) if len(set(wanted)) > 1 else bounds[0],
        latency_cycles=int(shards[0].finish[0] - shards[0].first_beat) if stalls is None else None,
        simulated_cycles_per_second=round(sum(s.cycles for s in shards) / sum(s.seconds for s in shards)),
        processes=len(shards),
        fifo_peaks={name: max(shard.peaks[name] for shard in shards) for name in sorted(shards[0].peaks)},
    )
