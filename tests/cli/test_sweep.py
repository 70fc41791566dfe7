"""`rebnet sweep`: from a study to the page, twice; a study that changes; a plan; refusals."""

import json
import re
import signal
import time

import pytest
from tests.docs.test_reference import documented, leaves
from tests.ir.networks import from_text
from tests.simulate.builds import save_run

STUDY = """
stages = ["compile", "evaluate"]
[axes]
source = ["{0}", "{1}"]
folding = ["balanced", "paper"]
"""


@pytest.fixture
def study(tmp_path):
    """Two trained networks, one of which has no folding of its own."""
    for place, text in enumerate(("8x8x1 - D8(4,8) - D10(2,8)", "8x8x1 - D8 - D10")):
        save_run(tmp_path / f"run{place}", from_text(text, levels=2))
    path = tmp_path / "study.toml"
    path.write_text(STUDY.format(tmp_path / "run0", tmp_path / "run1"))
    return path


def test_points_are_done_once_and_a_broken_one_ends_no_other(rebnet, study, tmp_path):
    output = tmp_path / "sweep"
    code, out, err = rebnet("sweep", study, "--output", output, "--json", "--workers", 1)
    assert code == 1
    record = json.loads(out)
    assert [point["state"] for point in record["points"]] == ["done", "done", "done", "broken"]
    assert record["points"][3]["error"].startswith("compile: folding 'paper': the network text gives layer1, layer2 no")
    assert (record["steps_run"], len(record["steps"])) == (5, 6)
    assert err.splitlines()[0] == "4 points, 6 steps for what would be 8 alone"
    assert "compile of point 1 done on" in err
    for point in record["points"][:3]:
        held = {path.name for path in (output / "points" / point["name"]).iterdir()}
        assert {"network.json", "folding.json", "evaluation.json", "rtl"} <= held
    keys = {re.sub(r"\.(coordinates|steps|options)\.\w+$", r".\1.*", key) for key, _ in leaves(record)}
    assert keys | {"schema"} == set(documented("sweep.json"))
    page = (output / "sweep.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "Point 4: compile: folding &#x27;paper&#x27;" in page
    assert "Accuracy against XNOR lanes" in page

    study.write_text(study.read_text().replace('["balanced", "paper"]', '"balanced"'))
    code, out, err = rebnet("sweep", study, "--output", output)
    assert code == 0
    assert err.splitlines()[:2] == [
        "2 points, 4 steps for what would be 4 alone; 4 are done already",
        f"1 point of an earlier study is not asked for now, and stays in points/: {record['points'][1]['name']}",
    ]
    assert "steps_run     0" in out
    again = json.loads((output / "sweep.json").read_text())
    assert again["left"] == [record["points"][1]["name"]]


def test_a_plan_writes_nothing(rebnet, study, tmp_path):
    code, out, err = rebnet("sweep", study, "--output", tmp_path / "sweep", "--dry-run")
    assert (code, err) == (0, "")
    assert "shared       6 steps do the work of 8" in out
    assert "steps        4 compile, 2 evaluate" in out
    assert "as 1" in out
    assert not (tmp_path / "sweep").exists()


def test_refusals_whole(refuse, study, tmp_path):
    output = tmp_path / "sweep"
    refuse(
        "workers=2: a cluster gives as many as it has cores; leave --workers or --ray out",
        *("sweep", study, "--output", output, "--workers", 2, "--ray", "auto"),
    )
    refuse(
        "threads=0: a step computes on one at least; use 1 or more", "sweep", study, "--output", output, "--threads", 0
    )
    study.write_text("[axes]\nlevel = 3")
    refuse(f"{study}: [axes]: option 'level' is not known; did you mean 'levels'?", "sweep", study, "--output", output)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a").touch()
    study.write_text(STUDY.format(tmp_path / "run0", tmp_path / "run1"))
    refuse(f"{tmp_path / 'other'}: holds a and no sweep; name another --output", "sweep", study, "--output",
           tmp_path / "other")  # fmt: skip


def test_a_training_that_is_interrupted_goes_on(start, tmp_path):
    study = tmp_path / "study.toml"
    study.write_text(
        'stages = ["train"]\n[axes]\nnetwork = "8x8x1 - D16 - D10"\ndataset = "digits"\nepochs = 2000\nlevels = 2\n'
    )
    output = tmp_path / "sweep"
    process = start("sweep", study, "--output", output)
    end = time.monotonic() + 120
    while not list(output.glob("steps/*.try-1/made/checkpoint.safetensors")) and time.monotonic() < end:
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == f"rebnet: interrupted; what is done stays in {output}, the same command goes on"
    (step,) = output.glob("steps/train-*.json")
    assert json.loads(step.read_text())["attempts"][0]["outcome"] == "lost"
    process = start("sweep", study, "--output", output)
    while not list(output.glob("steps/*.try-2/made/checkpoint.safetensors")) and time.monotonic() < end:
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert [one["outcome"] for one in json.loads(step.read_text())["attempts"]] == ["lost", "lost"]
    assert not list(output.glob("steps/*.try-1"))
