"""The run: what breaks, what is lost, what comes late, and what is there already; a list says how steps end."""

import json
from pathlib import Path

import pytest
from tests.sweep.studies import NETWORK, study

from rebnet.errors import OutputError
from rebnet.flow import dataset_of
from rebnet.flow.points import takes
from rebnet.records import read
from rebnet.records.sweep import Step, Sweep
from rebnet.sweep.folder import Folder, held
from rebnet.sweep.job import Outcome
from rebnet.sweep.plan import plan
from rebnet.sweep.run import TRIES, Run

TEXT = f'stages = ["train"]\n[axes]\nnetwork = "{NETWORK}"\ndataset = "digits"\n'


class Scripted:
    """An executor whose jobs end as `script` says of their seeds, one outcome an attempt."""

    def __init__(self, script=None, workers=2):
        self.script, self.workers = script or {}, workers
        self.started, self.open = [], []

    def node(self):
        return "here"

    def threads(self, waiting):
        return 1

    def takes(self, job, running):
        return len(running) < self.workers

    def start(self, job):
        self.started.append(job)
        self.open.append(job)

    def wait(self, seconds):
        job = self.open.pop(0)
        say = self.script.get(job.options["seed"], [])
        outcome = say[job.attempt - 1] if len(say) >= job.attempt else "done"
        if outcome is KeyboardInterrupt:
            raise KeyboardInterrupt
        made = Path(job.place) / "made"
        made.mkdir(exist_ok=True)
        (made / f"of-attempt-{job.attempt}").touch()
        late = [Outcome(job.step, 1, "done", "dead", 9.0)] if job.attempt > 1 else []
        error = None if outcome == "done" else "it had to"
        return [*late, Outcome(job.step, job.attempt, outcome, "there", 2.0, error)]


def run(tmp_path, seeds, script=None, **options):
    (tmp_path / "sweep").mkdir(exist_ok=True)
    found = study(tmp_path, TEXT + f"seed = {seeds}")
    folder = Folder(tmp_path / "sweep")
    folder.prepare(tmp_path / "study.toml")
    executor = Scripted(script, **options)
    made = Run(plan(found, takes(), lambda *_: None, dataset_of), folder)
    return made, executor, folder


def test_a_broken_point_ends_no_other_and_is_tried_again(tmp_path):
    made, executor, folder = run(tmp_path, [0, 1, 2], {1: ["failed"]})
    record = made.go(executor)
    assert [point.state for point in record.points] == ["done", "broken", "done"]
    assert record.points[1].error == "train: it had to"
    assert (record.steps_run, record.steps_found, record.work_seconds) == (2, 0, 4.0)
    assert json.loads((folder.path / "sweep.json").read_text())["points"][1]["state"] == "broken"
    again, executor, _ = run(tmp_path, [0, 1, 2])
    record = again.go(executor)
    assert [job.options["seed"] for job in executor.started] == [1]
    assert [point.state for point in record.points] == ["done", "done", "done"]
    assert (record.steps_run, record.steps_found) == (1, 2)


def test_what_is_lost_is_done_elsewhere_from_where_it_was(tmp_path):
    made, executor, folder = run(tmp_path, [0, 1], {0: ["lost"]})
    record = made.go(executor)
    assert [point.state for point in record.points] == ["done", "done"]
    (step,) = (one for one in record.steps if len(one.attempts) > 1)
    assert [(one.node, one.outcome) for one in step.attempts] == [("there", "lost"), ("there", "done")]
    assert step.seconds == 2.0
    assert {path.name for path in folder.made(step.name).iterdir()} == {"of-attempt-1", "of-attempt-2"}
    assert not list((folder.path / "steps").glob("*.try-*"))
    assert read(folder.path / "steps" / f"{step.name}.json", Step).state == "done"


def test_what_is_lost_too_often_is_broken(tmp_path):
    made, executor, _ = run(tmp_path, [0], {0: ["lost"] * 9})
    record = made.go(executor)
    assert len(executor.started) == TRIES
    assert record.points[0].error == f"train: was lost {TRIES} times, the last on there: it had to"


def test_an_interrupt_keeps_what_is_done_and_the_claim_is_lost(tmp_path):
    made, executor, folder = run(tmp_path, [0, 1], {1: [KeyboardInterrupt]})
    with pytest.raises(KeyboardInterrupt):
        made.go(executor)
    record = read(folder.path / Sweep.FILE, Sweep)
    assert [point.state for point in record.points] == ["done", "open"]
    again, executor, _ = run(tmp_path, [0, 1])
    record = again.go(executor)
    assert [(job.options["seed"], job.attempt) for job in executor.started] == [(1, 2)]
    assert record.steps[1].attempts[0].outcome == "lost"


def test_a_claim_of_a_sweep_that_was_killed_is_lost(tmp_path):
    made, executor, folder = run(tmp_path, [0])
    name = made.go(executor).steps[0].name
    record = json.loads((folder.path / "steps" / f"{name}.json").read_text())
    record["state"] = record["attempts"][-1]["outcome"] = "running"
    (folder.path / "steps" / f"{name}.json").write_text(json.dumps(record))
    again, executor, _ = run(tmp_path, [0])
    record = again.go(executor)
    assert [one.outcome for one in record.steps[0].attempts] == ["lost", "done"]


def test_a_changed_study_goes_on_with_what_is_asked(tmp_path):
    made, executor, _ = run(tmp_path, [0, 1])
    made.go(executor)
    changed, executor, _ = run(tmp_path, [1, 2])
    record = changed.go(executor)
    assert [job.options["seed"] for job in executor.started] == [2]
    assert (record.steps_run, record.steps_found) == (1, 1)


def test_what_was_made_and_taken_away_is_made_again(tmp_path):
    made, executor, folder = run(tmp_path, [0])
    name = made.go(executor).steps[0].name
    (folder.path / "steps" / name).rename(tmp_path / "elsewhere")
    again, executor, _ = run(tmp_path, [0])
    assert again.go(executor).points[0].state == "done"
    assert len(executor.started) == 1


def test_two_sweeps_do_not_share_a_folder(tmp_path):
    with held(tmp_path / "sweep"), pytest.raises(OutputError) as refused, held(tmp_path / "sweep"):
        pass
    message = f"{tmp_path / 'sweep'}: another sweep runs there now; wait for its end, or name another --output"
    assert str(refused.value) == message


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(OutputError) as refused, held(tmp_path):
        pass
    assert str(refused.value) == f"{tmp_path}: holds thesis.tex and no sweep; name another --output"
