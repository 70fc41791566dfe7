"""Devices by name, and processes that train together as one would."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from tests.train import together

from rebnet.errors import MissingExtraError, OptionError
from rebnet.files import read_tensors
from rebnet.train import devices
from rebnet.train.devices import ALONE, Processes, connect

CPU = torch.device("cpu")


def torchrun(*arguments, processes=2):
    """Run a program in several processes; return its exit code, stdout and stderr."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_two_processes_are_one(tmp_path):
    together.follow(tmp_path / "one")
    code, _, err = torchrun(together.__file__, tmp_path / "two")
    assert code == 0, err
    (one, _), (two, _) = (read_tensors(tmp_path / run / together.FILE) for run in ("one", "two"))
    assert one.keys() == two.keys()
    assert one["losses"].shape == (together.STEPS,)
    assert one["losses"][-1] < one["losses"][0]
    for name in sorted(one):
        np.testing.assert_allclose(two[name], one[name], rtol=0, atol=1e-4, err_msg=name)
    records = [json.loads((tmp_path / run / "training.json").read_text()) for run in ("one", "two")]
    assert [(record["device"], record["processes"]) for record in records] == [("cpu", 1), ("cpu", 2)]
    assert records[0]["recipe"] == records[1]["recipe"]
    for ours, theirs in zip(*(record["curve"] for record in records), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)
    files = [{path.name for path in (tmp_path / run).iterdir()} for run in ("one", "two")]
    assert files[0] == files[1] == {together.FILE, "checkpoint.safetensors", "model.safetensors", "training.json"}


def test_the_command_speaks_once(tmp_path):
    command = ("-m", "rebnet", "train", "--network", "8x8x1 - D16 - D10", "--dataset", "digits", "--epochs", 1)
    code, out, err = torchrun(*command, "--output", tmp_path / "run", "--device", "cpu")
    assert code == 0, err
    assert out.count("test_accuracy") == 1
    assert err.count("validation") == 1
    assert json.loads((tmp_path / "run" / "training.json").read_text())["processes"] == 2


def test_an_error_of_one_process_ends_all(tmp_path):
    (tmp_path / "run").write_text("mine")
    command = ("-m", "rebnet", "train", "--network", "8x8x1 - D16 - D10", "--dataset", "digits", "--epochs", 1)
    code, out, err = torchrun(*command, "--output", tmp_path / "run", "--device", "cpu")
    assert (code != 0, out) == (True, "")
    assert f"{tmp_path / 'run'}: a file stands where a folder is needed; name another --output" in err
    assert (tmp_path / "run").read_text() == "mine"


def test_one_process_needs_no_environment():
    alone = connect("cpu")
    assert (alone.device, alone.rank, alone.count, alone.leads, alone.total) == (CPU, 0, 1, True, None)
    assert alone.tell({"levels": 2}) == {"levels": 2}


def test_missing_fabric(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(MissingExtraError) as caught:
        connect("cpu")
    assert str(caught.value) == (
        "this needs Lightning Fabric, which is not installed; run: pip install 'rebnet[train]'"
    )


def test_unknown_device():
    with pytest.raises(OptionError) as caught:
        connect("tpu")
    assert str(caught.value) == "device='tpu': no such device; use auto, cpu or cuda"


@pytest.mark.parametrize("found", [True, False])
def test_a_gpu_is_used_where_there_is_one(monkeypatch, found):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found)
    assert devices._kind("auto") == ("cuda" if found else "cpu")
    assert devices._kind("cpu") == "cpu"
    if found:
        assert devices._kind("cuda") == "cuda"
        return
    with pytest.raises(OptionError) as caught:
        devices._kind("cuda")
    assert str(caught.value) == (
        "device='cuda': torch finds no CUDA GPU here; use cpu or auto, or install a torch that was built for the CUDA "
        "of this machine"
    )


def test_every_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    found = devices._devices("cuda", 4, 1)
    assert (len(found), found[0], found[1]) == (4, torch.device("cuda", 0), torch.device("cuda", 1))
    with pytest.raises(OptionError) as caught:
        devices._devices("cuda", 3, 2)
    assert str(caught.value) == (
        "3 processes: number 3 of this machine finds 2 GPUs, each process needs one of its own; start at most 2 on a "
        "machine (--nproc-per-node 2) or use --device cpu"
    )


@pytest.mark.parametrize("items", [0, 1, 7, 12])
def test_shares_cover_everything_once(items):
    shares = [Processes(CPU, rank, 3).share(items) for rank in range(3)]
    assert [index for share in shares for index in range(items)[share]] == list(range(items))


def test_alone_nothing_is_sent():
    model = torch.nn.Linear(2, 1)
    model(torch.ones(1, 2)).sum().backward()
    ALONE.average_gradients_(model)
    assert torch.equal(model.weight.grad, torch.ones(1, 2))
    value = torch.ones(3)
    assert ALONE.sum(value) is value
    with ALONE.first_alone(), ALONE.exact():
        assert ALONE.leads
