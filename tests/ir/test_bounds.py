"""Nothing is without bound: texts, networks and foldings that ask for more than there can be are refused at once."""

import re
from dataclasses import replace

import pytest
from tests.ir.networks import tiny, tiny_conv

from rebnet.errors import FoldingError, NotationError, VerifyError
from rebnet.files import write_record
from rebnet.ir.bounds import MAX_LANES, folding_fault, shape_fault
from rebnet.ir.notation import Folding, parse
from rebnet.ir.verify import verify
from rebnet.lower import lower
from rebnet.nn.networks import architecture, widen
from rebnet.spec.window import Window
from rebnet.stages.accelerator import accelerator_of
from rebnet.stages.folding import read_depths

CONV = tiny_conv().ops


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5000x1x1 - D2", "network text, the image: has 5000x1 pixels; a side is at most 4096; scale the images down"),
        (
            "4096x4096x5 - D2",
            "network text, the image: has 4096x4096x5 values; it can have at most 67108864; scale the images down",
        ),
        (
            "999999999x999999999x999999999 - D2",
            "network text, the image: has 999999999x999999999 pixels; a side is at most 4096; scale the images down",
        ),
        (
            "2x2x1 - D1048577 - D2",
            "network text, layer 1, D1048577: its output has 1048577 channels; it can have at most 1048576",
        ),
        (
            "1024x1024x1 - C100:1x1 - MP1024 - D2",
            "network text, layer 1, C100:1x1: its output has 1024x1024x100 values; it can have at most 67108864",
        ),
        (
            "2x2x1 - C1:5000x5000+same - D2",
            "network text, token 2, 'C1:5000x5000+same': kernel and stride must be at most 4096, such as C16:5x5/2 or "
            "C16:1x9/1x2+same",
        ),
        (
            "1x1x1 - D40000 - D40000 - D2",
            "network text, layer 2, D40000: the network has 1600040000 weights up to here; it can have 1073741824",
        ),
        ("1x1x1" + " - D1" * 1001, "network text: has 1001 layers and pools; use at most 1000"),
    ],
)
def test_texts(text, message):
    with pytest.raises(NotationError, match=f"^{re.escape(message)}$"):
        parse(text)


def test_the_largest_text():
    assert parse("4096x4096x4 - C1:4096x4096/4096 - D2").samples == 1 << 26


def test_a_wider_network_has_the_same_bounds():
    with pytest.raises(NotationError, match="layer 1, D256000000: its output has 256000000 channels"):
        widen(architecture("28x28x1 - D256 - D10"), 1e6)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            replace(tiny(), input=replace(tiny().input, height=10**15, width=10**15)),
            f"tiny: the image has {10**15}x{10**15} pixels; a side is at most 4096",
        ),
        (
            tiny_conv().with_ops(
                (replace(tiny_conv().ops[0], window=Window(2, 10**15, same=True)), *tiny_conv().ops[1:])
            ),
            f"tiny, operation 1, Conv layer1: window 2x2/{10**15}+same; kernel and stride must be at most 4096",
        ),
        (replace(tiny(), nodes=tiny().nodes * 2000), "tiny: has 10000 operations; use at most 4000"),
    ],
)
def test_networks(network, message):
    with pytest.raises(VerifyError, match=f"^{re.escape(message)}"):
        verify(network)


def test_shapes_and_foldings():
    assert shape_fault(4096, 4096, 4) is None
    assert folding_fault(10, 4096, 16, 64, 8) is None
    assert folding_fault(1, 1 << 20, 1 << 11, 1, 1) == (
        f"pads the layer to {1 << 31} weights, more than {1 << 30}; use a smaller PE"
    )
    assert folding_fault(1, 1, 10**12, 1, 1) == (
        f"makes {10**12} XNOR lanes, more than the {MAX_LANES} that any device could hold; use fewer"
    )


def test_fifos(tmp_path):
    """A file may not ask for more; the cycle model itself may count on any depth."""
    network = lower(tiny())
    accelerator = accelerator_of(network, (Folding(1, 1, 1),) * len(network.layers), 1)
    depths = {buffer.name: buffer.least for buffer in accelerator.buffers}
    name = next(iter(depths))
    entries = [{"name": buffer, "depth": depth} for buffer, depth in (depths | {name: 10**15}).items()]
    layers = [{"name": layer.name, "pe": 1, "simd": 1, "level_lanes": 1} for layer in network.layers]
    write_record(tmp_path / "folding.json", {"layers": layers, "fifos": entries})
    with pytest.raises(FoldingError, match=f"^fifo {name}: depth={10**15}; use {depths[name]} to 1048576$"):
        read_depths(tmp_path / "folding.json", accelerator)
