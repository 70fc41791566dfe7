"""The verbs as functions: the zoo without torch, and builds that can be made again."""

import json
import subprocess
import sys
from pathlib import Path

from tests.simulate.builds import save_run

from rebnet import flow

_WITHOUT_TORCH = """
import json, sys
from pathlib import Path
sys.modules["torch"] = None
from rebnet import flow, zoo
for name in zoo.NAMES:
    network = flow.compile(f"zoo:{name}", Path(sys.argv[1]) / name, folding="paper")
    print(network.weight_bytes)
assert not any(name.startswith("torch.") for name in sys.modules)
"""


def test_the_zoo_compiles_without_torch(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TORCH, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split() == ["41792"] * 3
    foldings = {name: json.loads((tmp_path / name / "folding.json").read_text()) for name in sorted_names(tmp_path)}
    assert {name: folding["bound_cycles"] for name, folding in foldings.items()} == {
        "mnist-arch-1-m1": 208,
        "mnist-arch-1-m2": 256,
        "mnist-arch-1-m3": 384,
    }
    for folding in foldings.values():
        assert folding["samples_per_beat"] == 4
        assert folding["predicted_cycles_per_image"] == folding["bound_cycles"]
        assert [(layer["pe"], layer["simd"], layer["level_lanes"]) for layer in folding["layers"]] == [
            (16, 64, 8),
            (32, 16, 1),
            (16, 32, 1),
            (16, 4, 1),
        ]


def sorted_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_build_can_be_made_again_byte_for_byte(tmp_path):
    run = save_run(tmp_path / "run")
    flow.compile(run, tmp_path / "one")
    flow.compile(save_run(tmp_path / "again"), tmp_path / "two")
    flow.compile(run, tmp_path / "two")  # over an older build
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert sorted_names(tmp_path) == ["again", "one", "run", "two"]
    assert sorted_names(tmp_path / "one") == [
        "exported", "folding.json", "mem", "network.json", "ports.json", "rtl", "tensors.safetensors", "training.json",
    ]  # fmt: skip


def test_its_own_folding_gives_the_same_build(tmp_path):
    run = save_run(tmp_path / "run")
    flow.compile(run, tmp_path / "one")
    flow.compile(run, tmp_path / "two", folding=str(tmp_path / "one" / "folding.json"))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_fixed_levels_drop_the_other_constants(tmp_path):
    run = save_run(tmp_path / "run")
    flow.compile(run, tmp_path / "all")
    network = flow.compile(run, tmp_path / "one", fixed_levels=True)
    assert network.served == (3,)
    count = {name: len((tmp_path / name / "mem" / "scores.hex").read_text().splitlines()) for name in ("all", "one")}
    assert count == {"all": 30, "one": 10}
    assert json.loads((tmp_path / "one" / "ports.json").read_text())["levels"] == [3]


def test_every_stage_says_its_name(tmp_path):
    said = []
    flow.compile(save_run(tmp_path / "run"), tmp_path / "build", say=said.append)
    assert said[:3] == ["exporting", "lowering", "folding"]
    assert said[3] == "sizing the FIFO layer3.output"
    assert said[-1] == "generating"
