"""Steps in processes: one that dies takes no other along, and memory is never promised twice."""

from pathlib import Path

import pytest
from tests.sweep.studies import NETWORK, study

from rebnet.errors import OptionError
from rebnet.flow import dataset_of
from rebnet.flow.points import takes
from rebnet.sweep import local
from rebnet.sweep.folder import Folder
from rebnet.sweep.job import Job
from rebnet.sweep.local import Local
from rebnet.sweep.plan import plan
from rebnet.sweep.run import Run


@pytest.fixture
def stub(monkeypatch):
    """The worker of tests/sweep/studies.py, for `python -m`."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return "stub_worker"


def sweep(tmp_path, recipes, executor):
    (tmp_path / "sweep").mkdir(exist_ok=True)
    text = f'stages = ["train"]\n[axes]\nnetwork = "{NETWORK}"\ndataset = "digits"\nrecipe = {recipes}'
    found = study(tmp_path, text)
    folder = Folder(tmp_path / "sweep")
    folder.prepare(tmp_path / "study.toml")
    run = Run(plan(found, takes(), lambda *_: None, dataset_of), folder)
    with executor:
        return run.go(executor), folder


def test_one_that_dies_takes_no_other_along(tmp_path, stub):
    record, folder = sweep(tmp_path, ["fine", "dies once", "fails", "good"], Local(stub, 2, 4))
    assert [point.state for point in record.points] == ["done", "done", "broken", "done"]
    assert [one.outcome for one in record.steps[1].attempts] == ["lost", "done"]
    assert (folder.made(record.steps[1].name) / "tries").read_text() == "1 2 "


def test_one_that_always_dies_is_broken(tmp_path, stub):
    record, _ = sweep(tmp_path, ["dies"], Local(stub, 1, 1))
    assert record.points[0].error.endswith("its process was ended by SIGKILL, as happens where memory runs out")
    assert len(record.steps[0].attempts) == 3


def job(step, memory, threads=1):
    return Job(step, 1, "train", {}, {}, "place", threads, memory)


def test_memory_is_never_promised_twice(monkeypatch):
    monkeypatch.setattr(local, "free_bytes", lambda: 1000)
    executor = Local("m", 4, 4)
    assert executor.takes(job("a", 5000), [])  # alone there is no other way
    assert executor.takes(job("b", 400), [job("a", 400)])
    assert not executor.takes(job("b", 500), [job("a", 400)])
    assert not executor.takes(job("b", 1), [job(str(place), 1) for place in range(4)])


def test_cores_are_shared_and_one_alone_has_all(monkeypatch):
    monkeypatch.setattr(local, "cores", lambda: 8)
    assert [Local("m", 4, 9).threads(waiting) for waiting in (1, 2, 3, 9)] == [8, 4, 2, 2]
    assert Local("m", None, 3).workers == 3
    assert Local("m", 4, 9, threads=5).threads(9) == 5
    with pytest.raises(OptionError, match=r"^workers=0: a sweep needs a process; use 1 or more$"):
        Local("m", 0, 1)


def test_free_memory_is_some():
    assert local.free_bytes() > 2**20
