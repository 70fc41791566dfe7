"""Random networks, several of them in one simulator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from tests.ir.graphs import MOST_REACH, draw_weight_gains, draw_weights, random_graph
from tests.ir.networks import treed

from rebnet.errors import DeadlockError
from rebnet.files import write_record, write_text
from rebnet.fold import samples_per_beat
from rebnet.fold.search.choose import choose
from rebnet.fold.timing.cycle_model import run
from rebnet.fold.timing.depths import size_fifos
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.ir.bounds import grouped_pe
from rebnet.ir.network import Network
from rebnet.ir.notation import MAX_LEVELS, Folding
from rebnet.ir.ops import BatchNorm, BitMatrix, Conv, Dense, MaxPool, Op, PixelInput, ResidualSign
from rebnet.ir.values import Code
from rebnet.lower import lower
from rebnet.rtl import MODULES, source
from rebnet.rtl.writable import MODULES as WRITABLE
from rebnet.rtl.writable import writable
from rebnet.simulate.build import build_simulator
from rebnet.simulate.cache import default_folder
from rebnet.simulate.run import Shard, Streams, run_shards
from rebnet.spec.gains import choose_gains
from rebnet.spec.window import Window
from rebnet.stages.accelerator import Accelerator, accelerator_of
from rebnet.stages.buffers import Depths
from rebnet.stages.ends import USER_BITS
from rebnet.stages.folding import WEIGHT_STYLES, fifo_record
from rebnet.stages.unrolled import WIRES


@dataclass(frozen=True)
class Drawn:
    """One random network, folded and generated."""

    number: int
    network: Network
    accelerator: Accelerator
    depths: Depths
    score_bytes: int

    def __str__(self) -> str:
        image = self.network.input
        return (
            f"network {self.number}: {image.height}x{image.width}x{image.channels} bits={image.bits} "
            f"M={self.network.levels} serves={self.network.served} P={self.accelerator.samples_per_beat}; "
            + "; ".join(map(str, self.accelerator.stages))
            + f"; depths {dict(self.depths)}"
        )


def draw_size(rng: np.random.Generator, most: int) -> int:
    """1 to `most`, the smaller of two draws: a simulator's build grows with sizes, what may go wrong does not."""
    return int(rng.integers(1, most + 1, 2).min())


def draw_part(rng: np.random.Generator, most: int) -> int:
    """1 to `most`: the end or just before it in an eighth of all cases, else small ones more often."""
    return max(1, most - int(rng.integers(2))) if rng.random() < 0.125 else draw_size(rng, most)


def draw_network(rng: np.random.Generator, number: int, planes: np.random.Generator | None = None) -> Network:
    """A lowered random network of 1 to 4 dense layers, with some channels that no training would give.

    `planes` draws how many planes the weights of its layers have; all have one where it is None.
    """
    levels = int(rng.integers(1, 5))
    image = PixelInput(
        int(rng.integers(1, 7)), int(rng.integers(1, 7)), int(rng.integers(1, 4)), int(rng.integers(1, 9))
    )
    depth = int(rng.integers(1, 5))
    sizes = [image.samples, *(draw_size(rng, 39) for _ in range(depth))]
    layers: list[Op] = []
    for columns, rows in pairwise(sizes):
        weights = _draw_weights(rng, rows, columns, planes, levels, 0 if layers else image.bits)
        layers.append(Dense(weights, float(rng.uniform(0.01, 2))))
    return _finished(rng, number, levels, image, layers)


def draw_grouped_network(rng: np.random.Generator, number: int) -> Network:
    """A lowered random network of convolutions of which most are in groups, and dense layers or answers on a map."""
    return draw_conv_network(rng, number, grouped=True)


def draw_conv_network(
    rng: np.random.Generator, number: int, planes: np.random.Generator | None = None, *, grouped: bool = False
) -> Network:
    """A lowered random network of 1 to 3 convolutions, some with a pool behind, and 1 or 2 dense layers."""
    levels = int(rng.integers(1, 5))
    image = PixelInput(
        int(rng.integers(1, 12)), int(rng.integers(1, 12)), int(rng.integers(1, 4)), int(rng.integers(1, 9))
    )
    height, width, channels = image.height, image.width, image.channels
    layers: list[Op] = []
    number_of_layers = 0
    for _ in range(int(rng.integers(1, 4))):
        same = bool(rng.random() < 0.5)
        most = 5 if same else min(5, height, width)
        window = Window(int(rng.integers(1, most + 1)), int(rng.integers(1, 4)), same)
        number_of_layers += 1
        rows, groups = draw_size(rng, 13), 1
        if grouped and rng.random() < 0.7:
            groups = int(rng.choice([one for one in range(1, channels + 1) if channels % one == 0]))
            rows = groups * -(-rows // groups)
        own = planes if groups == 1 else None
        columns = window.area * channels // groups
        weights = _draw_weights(rng, rows, columns, own, levels, 0 if layers else image.bits)
        layers.append(Conv(weights, float(rng.uniform(0.01, 2)), window=window, groups=groups))
        height, width = window.output(height, width)
        channels = rows
        if rng.random() < 0.5:
            pool = Window(int(rng.integers(1, min(4, height, width) + 1)), int(rng.integers(1, 4)))
            layers.append(MaxPool(pool))
            height, width = pool.output(height, width)
    if grouped and rng.random() < 0.4:  # the last convolution answers
        while isinstance(layers[-1], MaxPool):
            layers.pop()
        return _finished(rng, number, levels, image, layers)
    sizes = [height * width * channels, *(draw_size(rng, 29) for _ in range(int(rng.integers(1, 3))))]
    for columns, rows in pairwise(sizes):
        number_of_layers += 1
        weights = _draw_weights(rng, rows, columns, planes, levels, 0 if layers else image.bits)
        layers.append(Dense(weights, float(rng.uniform(0.01, 2))))
    return _finished(rng, number, levels, image, layers)


def draw_chain(rng: np.random.Generator, number: int) -> Network:
    """A lowered random network without branches: of dense layers alone, or of convolutions too."""
    network = (draw_network, draw_conv_network)[number % 2](rng, number, rng.spawn(1)[0])
    return treed(rng, network) if rng.random() < 0.2 else network


def draw_unrolled(rng: np.random.Generator, number: int) -> Network:
    """A lowered random network, of dense layers alone or of convolutions too, that serves one level count."""
    while True:
        network = (draw_network, draw_conv_network)[number % 2](rng, number)
        if len(network.served) == 1:
            return treed(rng, network) if rng.random() < 0.2 else network


def draw_graph(rng: np.random.Generator, number: int) -> Network:
    """A lowered random network with branches."""
    network = replace(random_graph(int(rng.integers(1 << 30))), name=f"random-{number}")
    lowered = lower(network, fixed_levels=bool(rng.random() < 0.2))
    return treed(rng, lowered) if rng.random() < 0.2 else lowered


def _draw_weights(
    rng: np.random.Generator, rows: int, columns: int, planes: np.random.Generator | None, levels: int, bits: int
) -> BitMatrix:
    """Weights of a layer that reads pixels of so many bits, or codes, where those are 0."""
    most = MOST_REACH // (max(2, levels) * columns * ((1 << bits) - 1 if bits else 2 << levels))
    gains = (1,) if planes is None else draw_weight_gains(planes, most)
    if planes is not None and len(gains) > 1:
        return draw_weights(planes, rows, columns, gains)
    return BitMatrix.pack(rng.integers(0, 2, (rows, columns)).astype(np.bool_))


def _finished(rng: np.random.Generator, number: int, levels: int, image: PixelInput, layers: list[Op]) -> Network:
    """The lowered network of `layers`, each followed by BatchNorm, its pool, and a residual sign.

    A third of the networks has BatchNorms and factors of its own for every level count.
    """
    weighted = [layer for layer in layers if isinstance(layer, Dense)]
    any_levels = bool(rng.random() < 1 / 3)
    ops: list[Op] = []
    for index, layer in enumerate(weighted):
        rows, columns = layer.weights.rows, layer.weights.columns
        ops.append(layer)
        shape = (levels, rows) if any_levels else (rows,)
        weight = rng.normal(0, 1, shape) * 10.0 ** rng.choice([0, 0, 0, 0, -3, -7], shape)
        weight[rng.random(shape) < 0.1] = 0
        if any_levels and index + 1 < len(weighted):
            weight = np.abs(weight) * rng.choice([-1, 1], rows)  # all m share the weights that lowering may negate
        ops.append(
            BatchNorm(
                mean=rng.normal(0, 1, shape),
                variance=rng.uniform(0.1, 2 * columns, shape) * sum(gain**2 for gain in layer.weights.gains),
                weight=weight,
                bias=rng.normal(0, 0.7, shape),
                epsilon=1e-5,
            )
        )
        following = next((after for one, after in pairwise(layers) if one is layer), None)
        if isinstance(following, MaxPool):
            ops.append(following)
        if index + 1 < len(weighted):
            inputs = weighted[index + 1].weights.columns * sum(weighted[index + 1].weights.gains)
            fewer = tuple(_draw_sign(rng, m, inputs, levels) for m in range(1, levels)) if any_levels else ()
            ops.append(replace(_draw_sign(rng, levels, inputs, levels), fewer=fewer))
    return lower(Network.chain(f"random-{number}", levels, image, ops), fixed_levels=bool(rng.random() < 0.2))


def _draw_sign(rng: np.random.Generator, levels: int, inputs: int, all_levels: int) -> ResidualSign:
    factors = np.cumsum(rng.uniform(0.05, 1, levels))[::-1] if rng.random() < 0.3 else _super_increasing(rng, levels)
    if levels == 1:
        return ResidualSign((float(factors[0]),), 0)
    gains, fraction = choose_gains([float(f) for f in factors], inputs, all_levels)
    return ResidualSign(tuple(gain / 2.0**fraction for gain in gains), fraction)


def _super_increasing(rng: np.random.Generator, levels: int) -> np.ndarray:
    factors = np.zeros(levels)
    for level in reversed(range(levels)):
        factors[level] = factors[level + 1 :].sum() + rng.uniform(0.02, 0.3)
    return factors


def draw_foldings(rng: np.random.Generator, network: Network) -> tuple[Folding, ...]:
    """A random legal folding of every layer."""
    foldings = []
    for layer in network.layers:
        rows, columns = layer.op.weights.rows, layer.op.weights.columns
        codes = network.read(layer)
        assert isinstance(codes, Code)
        planes = codes.planes
        lanes = draw_part(rng, min(planes + 1, MAX_LEVELS))
        pe, groups = draw_part(rng, rows + 3), layer.op.group_count
        if groups > 1:
            pe = int(rng.choice(grouped_pe(rows, groups)))
        own = len(layer.op.weights.gains)
        plane_lanes = draw_part(rng, own) if own > 1 else None
        foldings.append(Folding(pe, draw_part(rng, columns), lanes, plane_lanes))
    return tuple(foldings)


def unroll(
    rng: np.random.Generator, network: Network, foldings: tuple[Folding, ...], styles: tuple[str, ...]
) -> tuple[tuple[Folding, ...], tuple[str, ...]]:
    """The same foldings and styles, but for most layers, all of some networks, which are unrolled."""
    whole = choose(network, "unrolled", None)
    chosen = rng.random(len(whole)) < (1 if rng.random() < 0.4 else 0.6)
    pairs = [
        (every, WIRES) if wires else (own, style)
        for every, own, style, wires in zip(whole, foldings, styles, chosen, strict=True)
    ]
    return tuple(own for own, _ in pairs), tuple(style for _, style in pairs)


def draw_accelerator(rng: np.random.Generator, network: Network, unrolled: bool = False) -> tuple[Accelerator, Depths]:
    """A random legal folding and weight styles, with FIFOs as the cycle model sizes them or at random legal depths."""
    foldings = draw_foldings(rng, network)
    styles = tuple(map(str, rng.choice((*WEIGHT_STYLES, "auto"), len(foldings))))
    if unrolled:
        foldings, styles = unroll(rng, network, foldings, styles)
    serial = accelerator_of(network, foldings, 1, styles)
    beat = samples_per_beat(serial) if rng.random() < 0.5 else 2 ** int(rng.integers(0, 5))
    accelerator = accelerator_of(network, foldings, beat, styles)
    if rng.random() < 0.5:
        return accelerator, size_fifos(accelerator)
    slack = {buffer.name: buffer.unit * int(rng.integers(0, 2 + buffer.least)) for buffer in accelerator.buffers}
    depths = {buffer.name: buffer.shallowest + slack[buffer.name] for buffer in accelerator.buffers}
    try:
        run(accelerator, [network.levels], depths)
    except DeadlockError:  # a branch that is too shallow
        return accelerator, size_fifos(accelerator)
    return accelerator, depths


def draw_bundle(
    seed: int,
    count: int,
    folder: Path,
    draw: Callable[[np.random.Generator, int], Network] = draw_network,
    *,
    runtime_weights: bool = False,
    read: Callable[[Mapping[str, str]], dict[str, str]] = dict,
) -> tuple[list[Drawn], Path]:
    """`count` random networks generated into `folder`, and one simulator of all of them.

    `read` makes of the texts of all modules, by file name, those that are simulated.
    """
    rng = np.random.default_rng(seed)
    bundle = []
    for number in range(count):
        network = draw(rng, number)
        accelerator, depths = draw_accelerator(rng, network, draw is draw_unrolled)
        build = folder / f"net_{number}"
        storage.save(network, build)
        write_folding(build, network, accelerator, depths)
        generate(build, name=f"accelerator_{number}", memory=f"mem_{number}", runtime_weights=runtime_weights)
        (build / f"mem_{number}").rename(folder / f"mem_{number}")
        bundle.append(Drawn(number, network, accelerator, depths, accelerator.scores.score_bytes))
    write_text(folder / "bundle.sv", bundle_text(bundle, ".config_in('0), .config_out(), " if runtime_weights else ""))
    sources = [source(module) for module in MODULES]
    sources += [folder / f"net_{drawn.number}" / "rtl" / f"accelerator_{drawn.number}.sv" for drawn in bundle]
    texts = {path.name: path.read_text() for path in sources}
    texts |= {f"{module}.sv": writable(module) for module in WRITABLE} if runtime_weights else {}
    texts = read(texts) | {"bundle.sv": (folder / "bundle.sv").read_text()}
    return bundle, build_simulator(default_folder(), texts, "bundle", optimize="-O0")


def write_folding(build: Path, network: Network, accelerator: Accelerator, depths: Depths) -> None:
    """folding.json of an accelerator that was put together by hand."""
    layers = [
        {
            "name": layer.name,
            "pe": layer.pe,
            "simd": layer.simd,
            "level_lanes": layer.level_lanes,
            **({"plane_lanes": layer.plane_lanes} if layer.weight_planes > 1 else {}),
            "weight_style": layer.weight_style,
        }
        for layer in accelerator.layers
    ]
    fifos = [dict(fifo) for fifo in fifo_record(accelerator, depths, depths)]
    record = {"layers": layers, "fifos": fifos, "samples_per_beat": accelerator.samples_per_beat}
    write_record(build / "folding.json", record)


def bundle_text(bundle: list[Drawn], ports: str = "") -> str:
    """A top level with the ports of an accelerator that hands them to the one that +select names.

    The others have no clock, which makes a simulation as fast as with one network. `ports` are more that all have.
    """
    in_bits = 8 * max(drawn.accelerator.samples_per_beat for drawn in bundle)
    out_bits = 8 * max(drawn.accelerator.scores.beat_bytes for drawn in bundle)
    user = USER_BITS - 1
    lines = [
        "module bundle (",
        f"  input logic aclk, aresetn, input logic [{in_bits - 1}:0] s_axis_tdata, input logic s_axis_tvalid,",
        f"  output logic s_axis_tready, input logic s_axis_tlast, input logic [{user}:0] s_axis_tuser,",
        f"  output logic [{out_bits - 1}:0] m_axis_tdata, output logic m_axis_tvalid, input logic m_axis_tready,",
        f"  output logic m_axis_tlast, output logic [{user}:0] m_axis_tuser, output logic error_tlast);",
        "  int select;",
        '  initial if ($value$plusargs("select=%d", select) == 0) select = -1;',
        f"  logic [{len(bundle) - 1}:0] in_ready, out_valid, out_last, error;",
        f"  logic [{out_bits - 1}:0] out_data[{len(bundle)}];",
        f"  logic [{user}:0] out_user[{len(bundle)}];",
        "  assign s_axis_tready = in_ready[select];",
        "  assign m_axis_tdata = out_data[select];",
        "  assign m_axis_tvalid = out_valid[select];",
        "  assign m_axis_tlast = out_last[select];",
        "  assign m_axis_tuser = out_user[select];",
        "  assign error_tlast = error[select];",
    ]
    for k, drawn in enumerate(bundle):
        width = 8 * drawn.accelerator.samples_per_beat
        score = 8 * drawn.accelerator.scores.beat_bytes
        lines += [
            f"  logic [{score - 1}:0] score_{k};",
            f"  assign out_data[{k}] = {out_bits}'(score_{k});",
            f"  accelerator_{k} net_{k} ({ports}.aclk(aclk && select == {k}), .aresetn,",
            f"    .s_axis_tdata(s_axis_tdata[{width - 1}:0]),",
            f"    .s_axis_tvalid(s_axis_tvalid && select == {k}), .s_axis_tready(in_ready[{k}]), .s_axis_tlast,",
            f"    .s_axis_tuser, .m_axis_tdata(score_{k}), .m_axis_tvalid(out_valid[{k}]),",
            f"    .m_axis_tready(m_axis_tready && select == {k}), .m_axis_tlast(out_last[{k}]),",
            f"    .m_axis_tuser(out_user[{k}]), .error_tlast(error[{k}]));",
        ]
    return (
        "// verilator lint_off UNUSEDSIGNAL\n// verilator lint_off WIDTHTRUNC\n// verilator lint_off PINCONNECTEMPTY\n"
        + "\n".join([*lines, "endmodule", ""])
    )


def stream(
    drawn: Drawn, program: Path, folder: Path, images: np.ndarray, levels: np.ndarray, stalls: int | None
) -> Shard:
    """Send images through one network of a bundle, in one process."""
    accelerator = drawn.accelerator
    slowest = sum(layer.cycles(drawn.network.levels) for layer in accelerator.layers)
    streams = Streams(
        samples=accelerator.samples,
        samples_per_beat=accelerator.samples_per_beat,
        classes=accelerator.scores.scores,
        score_bytes=drawn.score_bytes,
        max_levels=drawn.network.levels,
        patience=20 * (slowest + accelerator.beats_in + accelerator.beats_out) + 5000,
        depths={},
        scores_per_beat=accelerator.scores.per_beat,
    )
    (shard,) = run_shards(
        program,
        streams,
        images.reshape(len(images), -1),
        levels.astype(np.uint8),
        processes=1,
        folder=folder,
        stalls=stalls,
        watch=f"net_{drawn.number}.",
        extra=(f"+select={drawn.number}",),
    )
    return shard
