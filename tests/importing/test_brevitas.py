"""Brevitas' own networks of random weights, by both of its exporters: what the module computes is what ours does.

Brevitas is none of our dependencies, and its extra `export` wants an older onnx: beside ours it is installed by
`pip install brevitas==0.13.4 onnxoptimizer tqdm dependencies==2.0.1 unfoldNd --no-deps`.
"""

import json
import warnings

import numpy as np
import pytest

import rebnet
from rebnet import flow
from rebnet.engine.predictor import Predictor
from rebnet.engine.real import run_real
from rebnet.importing import read_onnx
from rebnet.lower import lower

onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")
pytest.importorskip("brevitas", reason="Brevitas is not installed; see the file's first lines")
pytest.importorskip("onnxoptimizer", reason="Brevitas exports with onnxoptimizer, which is not installed")

NETWORKS = [f"{name}_{bits}" for name in ("tfc", "sfc", "lfc", "cnv") for bits in ("1w1a", "1w2a", "2w2a")]
NETWORKS.remove("lfc_2w2a")  # is none of theirs


@pytest.fixture(scope="module")
def trained():
    """A network of theirs by name, with random weights, and statistics of random images."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from brevitas_examples.bnn_pynq.models import model_with_cfg

    def made(name):
        torch.manual_seed(len(name))
        model, _ = model_with_cfg(name, False)
        shape = (3, 32, 32) if name.startswith("cnv") else (1, 28, 28)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                torch.nn.init.normal_(module.weight)  # slopes of both signs
                torch.nn.init.normal_(module.bias)
        model.train()
        with torch.no_grad():
            for _ in range(3):
                model(torch.rand(32, *shape))
        return model.eval(), shape

    return made


@pytest.mark.parametrize("dynamo", [True, False], ids=["dynamo", "classic"])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.filterwarnings("ignore")
def test_their_networks_answer_as_their_modules_do(name, dynamo, trained, tmp_path):
    from brevitas.export import export_qonnx

    model, shape = trained(name)
    path = tmp_path / "m.onnx"
    options = {"dynamo": True, "external_data": False} if dynamo else {"dynamo": False, "opset_version": 13}
    export_qonnx(model, args=torch.rand(1, *shape), export_path=str(path), **options)
    count = 4 if name.startswith("cnv") else 50
    agrees(model, path, shape, count)


def agrees(model, path, shape, count):
    """Whether the file's network answers as the module does, and the integers too."""
    images = np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)
    with torch.no_grad():
        answers = model(torch.from_numpy(images.astype(np.float32) / np.float32(255))).numpy()
    network = read_onnx(path).network
    ours = images.transpose(0, 2, 3, 1)
    found = run_real(network, ours, precision=np.float64)
    assert np.abs(found - answers).max() < 1e-4 * np.abs(answers).max()
    scores = Predictor(lower(network)).predict(ours)
    order = np.sort(answers, axis=1)
    clear = order[:, -1] - order[:, -2] > 1e-4 * np.abs(answers).max()
    assert np.array_equal(scores.argmax(axis=1)[clear], answers.argmax(axis=1)[clear])


@pytest.mark.filterwarnings("ignore")
def test_a_residual_network_of_theirs(tmp_path):
    """Two blocks of their ResNet, in 4 bits, by the classic exporter; the other fails at sums (their issue 1608)."""
    from brevitas import nn
    from brevitas.export import export_qonnx
    from brevitas.quant import (
        Int8WeightPerChannelFloat,
        Int8WeightPerTensorFloat,
        Int32Bias,
        TruncTo8bit,
        Uint8ActPerTensorFloat,
    )
    from brevitas_examples.bnn_pynq.models.resnet import QuantBasicBlock

    class Residual(torch.nn.Module):
        def __init__(self):
            super().__init__()
            act = nn.QuantReLU(bit_width=4, return_quant_tensor=True)
            options = {"shared_quant_act": act, "act_bit_width": 4, "weight_bit_width": 4}
            first = {"bias": False, "weight_quant": Int8WeightPerChannelFloat, "weight_bit_width": 4}
            self.head = torch.nn.Sequential(
                nn.QuantIdentity(act_quant=Uint8ActPerTensorFloat, bit_width=8),
                nn.QuantConv2d(3, 8, 3, padding=1, **first),
                torch.nn.BatchNorm2d(8),
                act,
            )
            self.blocks = torch.nn.Sequential(
                QuantBasicBlock(8, 8, 1, **options),
                QuantBasicBlock(8, 16, 2, **options),
                nn.TruncAvgPool2d(kernel_size=4, trunc_quant=TruncTo8bit),
            )
            last = {"bias_quant": Int32Bias, "weight_quant": Int8WeightPerTensorFloat, "weight_bit_width": 4}
            self.last = nn.QuantLinear(16, 10, bias=True, **last)

        def forward(self, x):
            return self.last(self.blocks(self.head(x)).flatten(1))

    torch.manual_seed(0)
    model = Residual().train()
    with torch.no_grad():
        for _ in range(5):
            model(torch.rand(16, 3, 8, 8))
    model.eval()
    path = tmp_path / "m.onnx"
    export_qonnx(model, args=torch.rand(1, 3, 8, 8), export_path=str(path), dynamo=False, opset_version=13)
    agrees(model, path, (3, 8, 8), count=20)


@pytest.mark.filterwarnings("ignore")
def test_a_module_compiles_as_its_file_does(trained, tmp_path):
    """The build holds the file, by which it is compiled again."""
    model, _ = trained("tfc_1w2a")
    model.train()
    flow.compile(model, tmp_path / "build", image=(1, 28, 28), target_cycles=900, until="lower")
    assert model.training
    file = tmp_path / "build" / "model.onnx"
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1), np.uint8)
    expected = Predictor(lower(read_onnx(file).network)).predict(images)
    assert np.array_equal(rebnet.load(tmp_path / "build").predict(images), expected)
    request = json.loads((tmp_path / "build" / "compile.json").read_text())["request"]["options"]
    assert request == {"source": str(file), "target_cycles": 900, "until": "lower"}
    flow.compile(file, tmp_path / "build", until="lower")  # in place of the one that holds it
    assert np.array_equal(rebnet.load(tmp_path / "build").predict(images), expected)
    assert file.is_file()
