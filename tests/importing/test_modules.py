"""A module in the place of a file: what is refused before anything is made."""

import sys

import pytest

from rebnet import flow
from rebnet.errors import MissingExtraError, ModelError, OptionError

torch = pytest.importorskip("torch")


def linear():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))


def refused(tmp_path, error, source, **options):
    with pytest.raises(error) as refusal:
        flow.compile(source, tmp_path / "build", **options)
    assert not (tmp_path / "build").exists()
    return str(refusal.value)


def test_a_module_needs_the_shape_of_its_images(tmp_path):
    words = "goes with a module of another framework, and must be given there"
    assert refused(tmp_path, OptionError, linear()) == f"image=None: {words}"
    assert refused(tmp_path, OptionError, tmp_path / "m.onnx", image=(1, 2, 2)) == f"image=(1, 2, 2): {words}"
    assert refused(tmp_path, OptionError, linear(), image=(2, 2)) == (
        "image=(2, 2): give channels, height and width of the images of Sequential, or values"
    )


def test_what_is_no_foreign_module(tmp_path):
    words = refused(tmp_path, OptionError, 3, image=(1, 2, 2))
    assert words == "int: is no module of torch; give a module, a run, zoo:NAME or FILE.onnx"
    from rebnet.nn.pixels import PixelInput

    ours = torch.nn.Sequential(PixelInput(2, 2, 1), linear())
    assert refused(tmp_path, OptionError, ours, image=(1, 2, 2)).startswith("Sequential: is of rebnet's own modules;")


def test_brevitas_is_what_exports(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxoptimizer", None)
    assert refused(tmp_path, MissingExtraError, linear(), image=(1, 2, 2)) == (
        "Sequential: exporting it needs the package onnxoptimizer; pip install brevitas onnxoptimizer"
    )


def test_a_module_that_is_refused_is_called_by_its_class(tmp_path, monkeypatch):
    """And not by the file that Brevitas writes of it, in a folder that is gone."""
    onnx = pytest.importorskip("onnx")
    from rebnet.export import foreign

    def write(module, image, path):
        node = onnx.helper.make_node("Cos", ["x"], ["y"])
        infos = [onnx.helper.make_tensor_value_info(name, 1, (1, 4)) for name in "xy"]
        path.write_bytes(
            onnx.helper.make_model(onnx.helper.make_graph([node], "g", *([one] for one in infos))).SerializeToString()
        )
        return path

    monkeypatch.setattr(foreign, "write_qonnx", write)
    assert refused(tmp_path, ModelError, linear(), image=(4,)).startswith("Sequential: node 'y', Cos: is not read")
