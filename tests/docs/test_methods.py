"""The page of the methods against the code: its table and its picture are what the parts say."""

import json
import tomllib
from hashlib import sha256

from rebnet.methods import METHODS

from .pages import ROOT, tool

drawn = tool("draw_methods")


def test_the_table_is_that_of_the_parts() -> None:
    text = drawn.PAGE.read_text(encoding="utf-8")
    assert drawn.page(text) == text, "run tools/draw_methods.py"


def test_the_picture_is_that_of_the_estimators() -> None:
    assert drawn.PICTURE.read_text(encoding="utf-8") == drawn.picture(), "run tools/draw_methods.py"


def test_three_epochs_of_each_are_the_figures_of_the_study() -> None:
    folder = ROOT / "benchmarks" / "methods"
    study, results = (folder / "study.toml").read_bytes(), json.loads((folder / "results.json").read_text("utf-8"))
    assert results["study_sha256"] == sha256(study).hexdigest()
    assert [row["method"] for row in results["rows"]] == tomllib.loads(study.decode())["axes"]["method"]
    text = drawn.PAGE.read_text(encoding="utf-8")
    for row in results["rows"]:
        assert (row["refused"] is not None) == (METHODS[row["method"]].kind == "H3")
        told = f"| `{row['method']}` | {row['float_accuracy']:.2f} | | refused |"
        if row["refused"] is None:
            assert (row["mismatches"], row["cycles_per_image"]) == (0, row["bound_cycles"])
            cycles = f"50 images equal, {row['cycles_per_image']:.0f} cycles = bound"
            told = f"| `{row['method']}` | {row['float_accuracy']:.2f} | {row['accuracy']:.2f} | {cycles} |"
        assert told in text
