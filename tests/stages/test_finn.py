"""FINN's folding_config.json in the place of a folding.json: PE and SIMD by the layers' order, or what is wrong."""

import json

import pytest
from tests.ir.networks import from_text

from rebnet.errors import FileFormatError, FoldingError
from rebnet.fold import fold
from rebnet.ir import storage
from rebnet.ir.notation import Folding
from rebnet.lower import lower
from rebnet.stages.folding import read_foldings

TEXT = "4x4x1 - C4:3x3 - D6 - D3"
CONFIG = {
    "Defaults": {},
    "Thresholding_hls_0": {"PE": 1, "ram_style": "distributed"},
    "ConvolutionInputGenerator_rtl_0": {"SIMD": 1},
    "MVAU_hls_0": {"PE": 2, "SIMD": 3, "ram_style": "auto", "resType": "lut"},
    "StreamingFIFO_rtl_3": {"depth": 32},
    "MVAU_rtl_0": {"PE": 3, "SIMD": 8},
    "MVAU_hls_1": {"PE": 1, "SIMD": 6},
    "LabelSelect_hls_0": {"PE": 1},
}


@pytest.fixture
def network():
    return lower(from_text(TEXT, levels=1))


def written(tmp_path, config):
    (tmp_path / "folding_config.json").write_text(json.dumps(config))
    return tmp_path / "folding_config.json"


def test_pe_and_simd_are_read_in_the_layers_order(network, tmp_path):
    path = written(tmp_path, CONFIG)
    assert read_foldings(path, network) == (Folding(2, 3), Folding(3, 8), Folding(1, 6))
    storage.save(network, tmp_path / "build")
    accelerator = fold(tmp_path / "build", folding=str(path))
    assert [(layer.pe, layer.simd) for layer in accelerator.layers] == [(2, 3), (3, 8), (1, 6)]


def test_a_number_may_have_any_digits(network, tmp_path):
    """More than Python makes an int of, too."""
    units = {f"MVAU_hls_{number}": {"PE": 1, "SIMD": 1} for number in ("09", "10", "9" * 5000)}
    assert read_foldings(written(tmp_path, units), network) == (Folding(1, 1),) * 3


def test_names_of_other_versions(network, tmp_path):
    config = {f"MatrixVectorActivation_{number}": {"PE": 1, "SIMD": 1} for number in range(3)}
    assert read_foldings(written(tmp_path, config), network) == (Folding(1, 1),) * 3
    config = {f"StreamingFCLayer_Batch_{number}": {"PE": 1, "SIMD": 3} for number in range(3)}
    assert read_foldings(written(tmp_path, config), network) == (Folding(1, 3),) * 3


def without(key):
    return {name: value for name, value in CONFIG.items() if name != key}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (without("MVAU_hls_1"), "folds 2 layers, MVAU_hls_0, MVAU_rtl_0; the network has 3, layer1, layer2, layer3"),
        ({**CONFIG, "MVAU_hls_1": {"PE": 1}}, "MVAU_hls_1: PE=1, SIMD=None; both must be whole numbers from 1 on"),
        ({**CONFIG, "MVAU_hls_1": {"PE": True, "SIMD": 0}}, "MVAU_hls_1: PE=True, SIMD=0; both must be whole numbers"),
        ({**CONFIG, "MVAU_hls_1": [1, 2]}, "MVAU_hls_1: PE=None, SIMD=None; both must be"),
        ({**CONFIG, "Mvau_2": {}}, "names Mvau_2, no units of FINN that are known; leave them out"),
        (
            {**without("MVAU_hls_0"), "MVAU_hls_0": {"PE": 2, "SIMD": 3}},
            "MVAU_hls_0 stands behind MVAU_hls_1; write units in the layers' order",
        ),
        (
            {**CONFIG, "MVAU_rtl_0": {"PE": 3, "SIMD": 800}},
            "layer layer2: SIMD=800 is more than the layer's 16 inputs",
        ),
    ],
)
def test_what_does_not_fit_is_named(config, words, network, tmp_path):
    path = written(tmp_path, config)
    with pytest.raises(FoldingError) as refusal:
        read_foldings(path, network)
    assert str(refusal.value).startswith(f"{path}: {words}")


def test_another_json_is_refused_as_before(network, tmp_path):
    with pytest.raises(FileFormatError, match="schema"):
        read_foldings(written(tmp_path, {"PE": 1}), network)
