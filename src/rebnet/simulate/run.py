"""Running a built simulator: images split over processes, scores and cycles gathered."""

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import OutputError, RebnetError, SimulationError, StallError, ToolError
from rebnet.processes import child, clean_environment
from rebnet.swap import scratch

_State = dict[str, Any]
"""What the simulator says where it ended early."""


@dataclass(frozen=True)
class Streams:
    """The two streams of an accelerator, from `ports.json`, and its FIFOs' depths, from `folding.json`."""

    samples: int
    samples_per_beat: int
    classes: int
    score_bytes: int
    max_levels: int
    patience: int
    depths: dict[str, int]
    scores_per_beat: int = 1


@dataclass(frozen=True)
class Shard:
    """What one process saw: scores (images, classes) and the cycle of each image's final beat."""

    scores: NDArray[np.int64]
    finish: NDArray[np.int64]
    first_beat: int
    cycles: int
    seconds: float
    peaks: dict[str, int]


def run_shards(
    program: Path,
    streams: Streams,
    images: NDArray[np.uint8],
    levels: NDArray[np.uint8],
    *,
    processes: int,
    folder: Path,
    stalls: int | None = None,
    trace: Path | None = None,
    sink_beats: int | None = None,
    watch: str = "",
    extra: tuple[str, ...] = (),
    progress: Callable[[int], None] = lambda images_done: None,
) -> list[Shard]:
    """Stream `images` through `processes` copies of the accelerator, neighbours in the same copy.

    Args:
        program: the built simulator.
        streams: the accelerator's streams.
        images: uint8, one image a row.
        levels: TUSER of each image.
        processes: how many copies run at once; the images are split evenly.
        folder: where the simulator runs; holds its memory images.
        stalls: seed of random idle and backpressure, None for none.
        trace: waveform file to write, for a program built with tracing.
        sink_beats: the sink takes this many beats and then no more, None for no limit.
        watch: only FIFOs whose scope below the top module begins with it are watched.
        extra: plus arguments for the simulation.
        progress: called with the number of images done since the last call.

    Raises:
        StallError: no beat moved any more; names the channel and its state.
        SimulationError: a stream broke its rules, or the simulator died.
    """
    bounds = np.linspace(0, len(images), min(processes, len(images)) + 1).astype(int)
    shards: list[Shard | BaseException] = [SimulationError("not run")] * (len(bounds) - 1)
    with scratch("simulate") as place:
        with ExitStack() as running:
            threads = []
            for index, (start, stop) in enumerate(pairwise(bounds)):
                files = [place / f"{index}.{kind}" for kind in ("images", "levels", "scores")]
                files[0].write_bytes(np.ascontiguousarray(images[start:stop]).tobytes())
                files[1].write_bytes(levels[start:stop].tobytes())
                seed = -1 if stalls is None else stalls + index
                command = [*_command(program, streams, files, seed, trace, sink_beats, watch), *extra]
                process = running.enter_context(launch(command, folder, text=True))
                work = (shards, index, process, streams, files[2], int(stop - start), progress)
                threads.append(threading.Thread(target=_collect, args=work, daemon=True))
                threads[-1].start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.1)  # a short wait keeps Ctrl-C responsive
        for shard in shards:
            if isinstance(shard, BaseException):
                raise shard
    return [shard for shard in shards if isinstance(shard, Shard)]


def launch(command: list[str], folder: Path, **options: Any) -> AbstractContextManager["subprocess.Popen[Any]"]:
    """Start a simulator in the folder that holds its memory images; its standard output is a pipe.

    Args:
        command: program and arguments.
        folder: where it runs.
        options: more, or others, of `subprocess.Popen`.
    """
    if not Path(command[0]).exists():
        raise ToolError(f"{command[0]}: the built simulator is not in the cache any more; begin again, and it is built")
    if not os.access(command[0], os.X_OK):
        raise ToolError(
            f"{command[0]}: the built simulator cannot be run; name a --cache-dir on a disk that may hold programs"
        )
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE} | options
    return child(command, cwd=folder, env=clean_environment(), **streams)


def _command(
    program: Path,
    streams: Streams,
    files: list[Path],
    seed: int,
    trace: Path | None,
    sink_beats: int | None,
    watch: str,
) -> list[str]:
    options: dict[str, object] = {
        "--images": files[0],
        "--levels": files[1],
        "--output": files[2],
        "--sink-beats": -1 if sink_beats is None else sink_beats,
        "--watch": watch,
        "--trace": trace.resolve() if trace is not None else os.devnull,
    }
    return command_of(program, streams, seed, options)


def command_of(program: Path, streams: Streams, seed: int, options: Mapping[str, object]) -> list[str]:
    """The program, what it must know of the streams, the seed of its stalls (-1: none), and further options."""
    told: dict[str, object] = {
        "--samples": streams.samples,
        "--per-beat": streams.samples_per_beat,
        "--classes": streams.classes,
        "--scores-per-beat": streams.scores_per_beat,
        "--score-bytes": streams.score_bytes,
        "--max-levels": streams.max_levels,
        "--patience": streams.patience,
        "--stalls": seed,
        **options,
    }
    return [str(program.resolve()), *(str(part) for option in told.items() for part in option)]


def _collect(
    shards: list[Shard | BaseException],
    index: int,
    process: "subprocess.Popen[str]",
    streams: Streams,
    output: Path,
    count: int,
    progress: Callable[[int], None],
) -> None:
    try:
        shards[index] = _shard(process, streams, output, count, progress)
    except BaseException as error:  # handed to the thread that waits
        shards[index] = error


def _shard(
    process: "subprocess.Popen[str]", streams: Streams, output: Path, count: int, progress: Callable[[int], None]
) -> Shard:
    done, summary = 0, None
    assert process.stdout is not None
    for line in process.stdout:
        if not line.startswith("{"):
            continue  # words of the simulator itself
        summary = json.loads(line)
        if "images" in summary:
            progress(summary["images"] - done)
            done = summary["images"]
    status = process.wait()
    if summary is not None and "error" in summary:
        raise error_of(summary, streams)
    if status != 0 or summary is None or "cycles" not in summary:
        raise ToolError(f"the simulator ended with status {status} before its work was done; run it again")
    progress(count - done)
    records = np.fromfile(output, dtype=np.int64).reshape(count, streams.classes + 1)
    peaks = {channel_name(name): peak for name, peak in summary["channels"].items()}
    return Shard(records[:, :-1], records[:, -1], summary["first_beat"], summary["cycles"], summary["seconds"], peaks)


_CHANNELS = {
    ".vectors": ".input",
    ".results": ".output",
    "_window.lines": ".window",
    "_pool.lines": ".pool",
    "pixels.beats": "pixels",
}


def channel_name(scope: str) -> str:
    """The name of a channel in folding.json from the instance of its buffer: layer_1.vectors is layer_1.input."""
    for instance, name in _CHANNELS.items():
        if scope.endswith(instance):
            return scope.removesuffix(instance) + name
    return scope


def error_of(state: _State, streams: Streams) -> RebnetError:
    """What the simulator said of its early end, as an error."""
    kind = state["error"]
    if kind == "stall":
        return StallError(_stall_sentence(state, streams))
    if kind in ("tlast", "tuser"):
        return SimulationError(
            f"cycle {state['cycle']}: m_axis_{kind} is wrong on beat {state['score']} of image {state['images_out']}"
        )
    if kind == "error_tlast":
        return SimulationError(
            f"cycle {state['cycle']}: error_tlast is high on beat {state['beat_in']} of image {state['images_in']}, "
            "and s_axis_tlast came with every image's last beat"
        )
    if kind == "trace":
        return OutputError("the waveform could not be opened for writing; name another --trace")
    return OutputError(
        f"{tempfile.gettempdir()}: the simulator's images or scores could not be written whole; free some space"
    )


def _stall_sentence(state: _State, streams: Streams) -> str:
    (s_valid, s_ready), (m_valid, m_ready) = state["s_axis"], state["m_axis"]
    channels = {channel_name(name): count for name, count in state["channels"].items()}
    fills = {name: f"{channels[name]}/{depth}" for name, depth in streams.depths.items() if name in channels}
    full = [name for name, depth in streams.depths.items() if channels.get(name, 0) >= depth]
    if m_valid and not m_ready:
        reason = "m_axis holds a score (tvalid=1) that the sink does not take (tready=0)"
    elif s_valid and not s_ready:
        reason = "s_axis holds a beat (tvalid=1) that the accelerator does not take (tready=0)"
        reason += f"; full: {', '.join(full) or 'none'}"
    else:
        reason = "the accelerator waits for a beat on s_axis (tvalid=0)"
    return (
        f"no beat moved for {streams.patience} cycles, at cycle {state['cycle']}: {reason}; "
        f"{state['images_in']} images and {state['beat_in']} beats went in, "
        f"{state['images_out']} images and {state['score']} scores came out; "
        f"words in the FIFOs: {', '.join(f'{name} {fill}' for name, fill in fills.items())}"
    )
