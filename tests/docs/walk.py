"""The accelerator of docs/concepts/one-image-through-the-accelerator.md, watched cycle by cycle.

    python -m tests.docs.walk

prints the page's table. The events come from two places, the cycle model and probes in the RTL under Verilator, and
`test_walk.py` holds them equal.
"""

import re
import subprocess
from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from rebnet.fold import fold
from rebnet.fold.timing.processes import processes_of
from rebnet.fold.timing.schedule import Schedule
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.ir.network import Network
from rebnet.ir.notation import parse
from rebnet.ir.ops import BatchNorm, BitMatrix, Dense, Op, PixelInput, ResidualSign
from rebnet.lower import lower
from rebnet.simulate.build import build_simulator
from rebnet.stages.accelerator import Accelerator
from rebnet.stages.buffers import Depths
from rebnet.stages.converter import Converter
from rebnet.stages.folding import FOLDING_FILE, read_depths
from rebnet.stages.mvtu import Mvtu

TEXT = "4x4x1 - D6(2,4) - D3(1,3)"
LEVELS = 2
Event = tuple[int, str]
"""A cycle, and what happens in it."""

_TOP_PROBES = """
  int now;
  always_ff @(posedge aclk) begin
    now <= rst ? -8 : now + 1;  // the harness offers nothing in the first 8 cycles, see SETTLED there
    if (!rst) begin
      if (pixels.beats.push) $display("@%0d s_axis beat", now);
      if (classes.issue) $display("@%0d classes issue", now);
      if (m_axis_tvalid && m_axis_tready) $display("@%0d m_axis score", now);
"""
_LAYER_PROBES = """
      if ({name}_convert.push) $display("@%0d {name}_convert in", now);
      if ({name}.vectors.push) $display("@%0d {name}.vectors in", now);
      if ({name}.issue)
        $display("@%0d {name} issue f%0d g%0d c%0d", now, {name}.fold_q, {name}.group_q, {name}.vectors.chunk_q);
      if ({name}.add && {name}.last) $display("@%0d {name} sums", now);
      if ({name}.draining_q) $display("@%0d {name} drain", now);
      if ({name}.coded_valid) $display("@%0d {name} out", now);
"""


def network() -> Network:
    """TEXT with random weights, not lowered."""
    rng = np.random.default_rng(1)
    architecture = parse(TEXT)
    ops: list[Op] = []
    for index, layer in enumerate(architecture.layers):
        weights = BitMatrix.pack(rng.random((layer.rows, architecture.inputs_of(index))) < 0.5)
        ops.append(Dense(weights, 0.25, layer.folding))
        zero, one = np.zeros(layer.rows), np.ones(layer.rows)
        ops.append(BatchNorm(zero, one, one, zero, 1e-5))
        if index == 0:
            ops.append(ResidualSign((0.75, 0.25), fraction_bits=7))
    return Network.chain("walk", LEVELS, PixelInput(architecture.height, architecture.width, 1, 8), ops)


def make_build(folder: Path) -> tuple[Accelerator, Depths]:
    """Lower, fold and generate the network in `folder`."""
    storage.save(lower(network()), folder)
    accelerator = fold(folder)
    generate(folder)
    return accelerator, read_depths(folder / FOLDING_FILE, accelerator)


def model_events(accelerator: Accelerator, depths: Depths, levels: Sequence[int]) -> list[Event]:
    """What the cycle model does until the last image is out, told as the RTL's probes would; more images follow it."""
    every = [*levels, *[levels[-1]] * 10]
    chains = [processes_of(accelerator, m, depths, changed=m != before) for before, m in pairwise([every[0], *every])]
    schedule = Schedule([chain.processes for chain in chains])
    names = [process.name for process in chains[0].processes]
    times = {name: [int(cycle) for cycle in cycles] for name, cycles in zip(names, schedule.times, strict=True)}
    events = [(now, "s_axis beat") for now in times["source"]]
    link = "pixels"
    for layer in accelerator.layers:
        events += [(now, f"{layer.name}_convert in") for now in times[link]]
        events += [(now, f"{layer.name}.vectors in") for now in times[f"{layer.name}_convert out"]]
        events += _unit_events(layer, every, times[f"{layer.name} issues"])
        events += [
            (now - 1, f"{layer.name} out") for now in times[f"{layer.name} results"]
        ]  # a cycle before it is there
        link = f"{layer.name} out"
    events += [(now, "classes issue") for now in times["scores issues"]]
    events += [(now, "m_axis score") for now in times["sink"]]
    return until(times["sink"][accelerator.beats_out * len(levels) - 1] + 1, events)


def _unit_events(layer: Mvtu, levels: Sequence[int], times: list[int]) -> list[Event]:
    """What a unit issues, sums and drains; the model's times are those of the words that can wait."""
    events: list[Event] = []
    now = 0
    for vector, m in enumerate(levels):
        own = times[vector * (layer.chunks + layer.folds) :]
        for fold_number, group, chunk in product(range(layer.folds), range(layer.groups(m)), range(layer.chunks)):
            pass_ends = chunk == layer.chunks - 1
            if pass_ends and group == layer.groups(m) - 1:
                now = own[layer.chunks + fold_number]
            else:
                now = own[chunk] if fold_number == group == 0 else now + 1
            events.append((now, f"{layer.name} issue f{fold_number} g{group} c{chunk}"))
            if pass_ends:
                sums = now + layer.popcount_stages + 2
                events.append((sums, f"{layer.name} sums"))
                events.extend((sums + 1 + word, f"{layer.name} drain") for word in range(layer.drain_words))
    return events


def first_image(accelerator: Accelerator, depths: Depths) -> list[Event]:
    """The events of one image alone, at M levels."""
    events = model_events(accelerator, depths, [LEVELS])
    limits = {"s_axis beat": accelerator.beats_in}
    converters = [stage for stage in accelerator.stages if isinstance(stage, Converter)]
    for layer, converter in zip(accelerator.layers, converters, strict=True):
        limits |= {f"{layer.name}_convert in": converter.in_words, f"{layer.name}.vectors in": layer.chunks}
        limits[f"{layer.name} issue"] = layer.cycles(LEVELS)
        limits[f"{layer.name} sums"] = layer.folds * layer.groups(LEVELS)
        limits[f"{layer.name} drain"] = limits[f"{layer.name} sums"] * layer.drain_words
        limits[f"{layer.name} out"] = layer.out_words
    own = []
    for cycle, name in events:
        kind = name.split(" f")[0]
        limits[kind] = limits.get(kind, accelerator.beats_out) - 1
        if limits[kind] >= 0:
            own.append((cycle, name))
    return own


def until(end: int, events: list[Event]) -> list[Event]:
    """The events before cycle `end`, in order."""
    return sorted(event for event in events if event[0] < end)


def rtl_events(folder: Path, accelerator: Accelerator, levels: Sequence[int]) -> list[Event]:
    """What the RTL of the build in `folder` does with random images, from probes in a copy of its top level."""
    top = folder / "rtl" / "accelerator.sv"
    watched = folder / "probes" / top.name
    watched.parent.mkdir(exist_ok=True)
    probes = _TOP_PROBES + "".join(_LAYER_PROBES.format(name=layer.name) for layer in accelerator.layers)
    text = top.read_text()
    watched.write_text(text[: text.rindex("endmodule")] + probes + "    end\n  end\nendmodule\n")
    sources = [*(path for path in sorted(top.parent.glob("*.sv")) if path != top), watched]
    texts = {path.name: path.read_text() for path in sources}
    program = build_simulator(folder / "simulators", texts, "accelerator", optimize="-O0")
    images = np.random.default_rng(2).integers(0, 256, accelerator.samples * len(levels), dtype=np.uint8)
    (folder / "images").write_bytes(images.tobytes())
    (folder / "levels").write_bytes(bytes(levels))
    options = {
        "images": folder / "images", "levels": folder / "levels", "output": folder / "scores", "trace": "/dev/null",
        "samples": accelerator.samples, "per-beat": accelerator.samples_per_beat, "classes": accelerator.beats_out,
        "scores-per-beat": 1, "score-bytes": 6, "max-levels": LEVELS, "patience": 1000, "stalls": -1,
        "sink-beats": -1, "watch": "",
    }  # fmt: skip
    command = [str(program), *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
    output = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    return [(int(cycle), name) for cycle, name in re.findall(r"^@(\d+) (.*)$", output, re.MULTILINE)]


_COLUMNS = (
    ("s_axis", 6, "s_axis"),
    ("convert", 8, "layer_1_convert"),
    ("buffer", 7, "layer_1.vectors"),
    ("layer_1", 10, "layer_1 issue"),
    ("tail", 16, "layer_1"),
    ("convert", 8, "layer_2_convert"),
    ("buffer", 7, "layer_2.vectors"),
    ("layer_2", 10, "layer_2 issue"),
    ("tail", 16, "layer_2"),
    ("scores", 6, "classes"),
    ("m_axis", 6, "m_axis"),
)


def table(events: list[Event]) -> str:
    """The events of one image as text, one cycle a line, words of each place numbered from 0."""
    lines = ["cycle " + " ".join(f"{title:<{width}}" for title, width, _ in _COLUMNS)]
    seen: dict[str, int] = {}
    for now in range(events[-1][0] + 1):
        names = [name for cycle, name in events if cycle == now]
        cells = []
        for _, width, key in _COLUMNS:
            shown = []
            for name in names:
                if _place(name) == key:
                    shown.append(_word(name, seen))
            cells.append(f"{', '.join(shown):<{width}}")
        lines.append(f"{now:>5} {' '.join(cells)}")
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _place(name: str) -> str:
    return " ".join(name.split()[:2]) if " issue f" in name else name.split(maxsplit=1)[0]


def _word(name: str, seen: dict[str, int]) -> str:
    if " issue f" in name:
        return name.split(" issue ")[1]
    number = seen[name] = seen.get(name, -1) + 1
    verb = name.split()[1]
    return f"{verb}{number}" if verb in ("sums", "drain", "out") else str(number)


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        print(table(first_image(*make_build(Path(place)))), end="")
