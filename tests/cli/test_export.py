"""`rebnet export`: what it prints and writes, and refusals whole."""

import json
import re

import pytest

pytest.importorskip("onnx")


def test_a_build(rebnet, build, tmp_path):
    before = {path.name for path in build.iterdir()}
    file = tmp_path / "x.onnx"
    code, out, err = rebnet("export", build, "--to", "qonnx", "--output", file)
    assert (code, err) == (0, "")
    size = file.stat().st_size
    assert re.fullmatch(rf"file    {file}\nform    chain\nlevels  \d\nnodes   \d+\nbytes   {size}\n", out)
    assert {path.name for path in build.iterdir()} == before


def test_levels_as_json(rebnet, tmp_path):
    place = tmp_path / "x.onnx"
    options = ("--levels", "1,2", "--form", "multithreshold", "--float-scores", "--json")
    code, out, _ = rebnet("export", "zoo:mnist-arch-1-m2", "--output", place, *options)
    files = json.loads(out)["files"]
    assert (code, [file["file"] for file in files]) == (0, [str(tmp_path / f"x-m{m}.onnx") for m in (1, 2)])
    assert [(file["form"], file["levels"]) for file in files] == [("multithreshold", 1), ("multithreshold", 2)]


def test_refusals(rebnet, refuse, build, tmp_path):
    place = tmp_path / "x.onnx"
    message = "form=chain: is one of QONNX; with --to onnx leave --form out"
    refuse(message, "export", build, "--output", place, "--to", "onnx", "--form", "chain")
    message = "levels='two': not a list of whole numbers; write for example 2, or 1,2,3 for a file each"
    refuse(message, "export", build, "--output", place, "--levels", "two")
    message = f"output={tmp_path}: is a file that ends in .onnx; name it so"
    refuse(message, "export", build, "--output", tmp_path)
    place.write_text("mine")
    message = f"{place}: is there already; name another --output, or add --replace"
    refuse(message, "export", build, "--output", place)
    assert place.read_text() == "mine"
    assert rebnet("export", build, "--output", place, "--replace")[0] == 0
    refuse("no-such: no such folder; name one that 'rebnet train' made, or a network of the zoo, such as "
           "zoo:mnist-arch-1-m1", "export", "no-such", "--output", place)  # fmt: skip
