"""Numpy and C++ find the same times, refuse the same cuts, and go back to the same."""

import numpy as np
import pytest
from tests.fold.chains import KINDS, draw_small_chain

from rebnet.fold.timing import relaxation
from rebnet.fold.timing.cycle_model import run
from rebnet.fold.timing.depths import ample_depths, size_fifos
from rebnet.fold.timing.pace import Pace
from rebnet.fold.timing.processes import processes_of

needs_native = pytest.mark.skipif(relaxation.native is None, reason="rebnet was installed without a C++ compiler")


def times(pace: Pace) -> list[list[int]]:
    return [own.tolist() for own in relaxation.times_of(pace._relaxation, map(len, pace.times))]


@needs_native
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_cuts(kind: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random cuts of random buffers, some taken back: the same answers and the same times after each."""
    accelerator, rng = draw_small_chain(kind, seed), np.random.default_rng(seed)
    graph = processes_of(accelerator, accelerator.levels, ample_depths(accelerator))
    cpp = Pace(graph.processes, accelerator.bound_cycles(accelerator.levels))
    monkeypatch.setattr(relaxation, "native", None)
    plain = Pace(graph.processes, accelerator.bound_cycles(accelerator.levels))
    assert type(plain._relaxation) is not type(cpp._relaxation)
    assert (cpp.solve(), plain.solve()) == (None, None)
    assert times(cpp) == times(plain)
    depths = {filling.buffer: 60 for filling in graph.fillings}
    answers = []
    for _ in range(40):
        filling = graph.fillings[rng.integers(len(graph.fillings))]
        (buffer,) = (one for one in accelerator.buffers if one.name == filling.buffer)
        fewer = max(buffer.shallowest, buffer.unit * int(rng.integers(1, 1 + depths[buffer.name] // buffer.unit)))
        edge = filling.edge(fewer)
        held = [pace.cut(filling.waiting, filling.number, edge) for pace in (cpp, plain)]
        assert held[0] == held[1]
        answers.append(held[0])
        if held[0] and rng.random() < 0.3:
            cpp.undo()
            plain.undo()
        elif held[0]:
            depths[buffer.name] = min(depths[buffer.name], fewer)
        assert times(cpp) == times(plain)
    assert True in answers


@needs_native
@pytest.mark.parametrize("kind", KINDS)
def test_depths_and_runs(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    accelerators = [draw_small_chain(kind, seed) for seed in range(4)]
    found = []
    for native in (relaxation.native, None):
        monkeypatch.setattr(relaxation, "native", native)
        depths = [size_fifos(accelerator) for accelerator in accelerators]
        levels = [[int(m) for m in np.resize(accelerator.served, 7)] for accelerator in accelerators]
        found.append((depths, [run(*of) for of in zip(accelerators, levels, depths, strict=True)]))
    assert found[0] == found[1]


@needs_native
def test_what_is_no_wait_is_refused() -> None:
    """Before any memory is touched by it."""
    one, zero = np.ones(1, np.int64), np.zeros(1, np.int64)
    events = relaxation.native.Relaxation(10)
    with pytest.raises(ValueError, match="no events"):
        events.add_process(np.zeros(0, np.int64), False)
    process = events.add_process(np.ones(3, np.int64), True)
    wait = events.add_wait(process, process, zero, zero + 2, one, zero)
    for of in ((zero - 1, zero), (zero + 3, zero), (zero, zero - 1), (zero, zero + 3)):
        with pytest.raises(ValueError, match="no such event"):
            events.add_wait(process, process, *of, one, zero)
        with pytest.raises(ValueError, match="no such event"):
            events.replace(wait, *of, one, zero)
    for number in (-1, 1):
        with pytest.raises(ValueError, match="no such process"):
            events.add_wait(process, number, zero, zero, one, zero)
        with pytest.raises(ValueError, match="no such process"):
            events.begin(number, one)
        with pytest.raises(ValueError, match="no such wait"):
            events.replace(wait + number, zero, zero, one, zero)
    with pytest.raises(ValueError, match="unequal lengths"):
        events.add_wait(process, process, zero, np.zeros(2, np.int64), one, zero)
    with pytest.raises(ValueError, match="another length"):
        events.times(process, np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="another length"):
        events.begin(process, np.zeros(4, np.int64))
    assert events.solve() == (3, 0)  # event 2 is two cycles behind event 0, which waits for it
