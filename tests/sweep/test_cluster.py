"""Steps on two machines of a Ray cluster, one of which is killed half-way; and what is refused beforehand."""

import importlib.util
import json
import logging
from pathlib import Path

import pytest
from tests.sweep.studies import NETWORK, study

from rebnet.errors import MissingExtraError, OptionError
from rebnet.flow import dataset_of
from rebnet.flow.points import takes
from rebnet.sweep.cluster import Cluster
from rebnet.sweep.folder import Folder
from rebnet.sweep.plan import plan
from rebnet.sweep.run import Run

HAS_RAY = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed; pip install 'rebnet[sweep]'")


@pytest.mark.skipif(HAS_RAY, reason="Ray is installed")
def test_without_ray(tmp_path):
    with pytest.raises(MissingExtraError) as refused:
        Cluster("stub_worker", "auto", tmp_path, 1)
    assert str(refused.value) == (
        "ray, which hands steps to other machines, is not installed; run pip install 'rebnet[sweep]', or leave "
        "--ray out"
    )


@pytest.fixture
def machines(monkeypatch):
    """A cluster of two machines of one core on this one, which find the worker of the tests."""
    here = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{here}:{here.parents[1] / 'src'}")
    from ray.cluster_utils import Cluster as Machines

    made = Machines(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.second = made.add_node(num_cpus=1)
    made.wait_for_nodes()
    logging.getLogger("ray").setLevel(logging.ERROR)
    yield made
    made.shutdown()


@needs_ray
@pytest.mark.filterwarnings("default")  # Ray has its own
def test_a_machine_that_dies_loses_nothing_and_nothing_is_done_twice(tmp_path, machines):
    (tmp_path / "sweep").mkdir()
    second = machines.second.node_id[:8]
    text = f'stages = ["train"]\n[axes]\nnetwork = "{NETWORK}"\ndataset = "digits"\nrecipe = "waits on {second}"\n'
    text += f"seed = {list(range(12))}"
    found = study(tmp_path, text)
    folder = Folder(tmp_path / "sweep")
    folder.prepare(tmp_path / "study.toml")
    dead = []

    def kill(record):
        claims = [json.loads(path.read_text())["node"] for path in folder.path.glob("steps/*.try-1/claim.json")]
        done = sum(step.state == "done" for step in record.steps)
        if not dead and done >= 6 and any(second in node for node in claims):
            dead.append(second)
            machines.remove_node(machines.second, allow_graceful=False)

    run = Run(plan(found, takes(), lambda *_: None, dataset_of), folder, runs_on="ray", watch=kill)
    with Cluster("stub_worker", machines.address, folder.path, 1) as cluster:
        record = run.go(cluster)
    assert [point.state for point in record.points] == ["done"] * 12
    outcomes = [[one.outcome for one in step.attempts] for step in record.steps]
    assert sorted(outcomes) == [["done"]] * 11 + [["lost", "done"]]
    for step in record.steps:
        lost = len(step.attempts) == 2
        assert second not in step.attempts[-1].node
        assert not lost or second in step.attempts[0].node
        assert (folder.made(step.name) / "tries").read_text() == ("1 2 " if lost else "1 ")


@needs_ray
@pytest.mark.filterwarnings("default")
def test_a_folder_that_a_machine_does_not_see(tmp_path, machines, monkeypatch):
    folder = tmp_path / "sweep"
    folder.mkdir()
    (folder / "study.toml").write_text("a")
    monkeypatch.setattr("rebnet.sweep.cluster.file_hash", lambda path: "another")
    with pytest.raises(OptionError, match=r"does not see .*; name an --output that all machines share$"):
        Cluster("stub_worker", machines.address, folder, 1)


@needs_ray
@pytest.mark.filterwarnings("default")
def test_no_cluster(tmp_path):
    with pytest.raises(OptionError, match=r"^ray=127.0.0.1:9: no cluster answers there"):
        Cluster("stub_worker", "127.0.0.1:9", tmp_path, 1)
