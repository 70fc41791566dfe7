"""A small accelerator under Verilator: records, levels, stalls, silence, waveforms."""

import json
import re
import signal
import subprocess

import pytest
from tests.simulate.builds import LAYERS, network, save_run

from rebnet import datasets, flow
from rebnet.errors import StallError, ToolError
from rebnet.files import file_hash
from rebnet.simulate import simulate
from rebnet.simulate.build import _explain

pytestmark = pytest.mark.rtl
CHANNELS = [f"{layer}.{end}" for layer in LAYERS for end in ("input", "output")]


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def test_record(ready, digits):
    result = simulate(ready, digits, processes=2)
    record = dict(result.record)
    assert json.loads((ready / "simulation.json").read_text()) == {"schema": 1, **record}
    assert result.scores.shape == (360, 10)
    folding = json.loads((ready / "folding.json").read_text())
    predicted = {fifo["name"]: fifo["predicted_peak"] for fifo in folding["fifos"]}
    speed, accuracy, peaks = (record.pop(key) for key in ("simulated_cycles_per_second", "accuracy", "fifo_peaks"))
    assert isinstance(speed, int)
    assert speed > 0
    assert accuracy == flow.evaluate(ready, "digits")["accuracy"]
    for levels in (1, 2):
        others = simulate(ready, digits, levels=(levels,), processes=2).record["fifo_peaks"]
        peaks = {name: max(peaks[name], others[name]) for name in peaks}
    assert {name: peaks[name] for name in CHANNELS} == predicted
    assert record == {
        "dataset": "digits",
        "images": 360,
        "levels": [3],
        "stalls": None,
        "mismatches": 0,
        "cycles_per_image": folding["predicted_cycles_per_image"],
        "bound_cycles": folding["bound_cycles"],
        "latency_cycles": folding["predicted_latency_cycles"],
        "processes": 2,
        "edited": [],
        "inputs": {"ports": file_hash(ready / "ports.json"), "images": datasets.load("digits").test_sha256},
    }


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_an_interrupt_just_behind_the_start_of_a_simulator_ends_it(ready, digits, monkeypatch):
    started = []

    class Interrupted(subprocess.Popen):
        def __init__(self, command, **options):
            super().__init__(command, **options)
            if any("/simulators/" in part for part in command):
                started.append(self)
                signal.raise_signal(signal.SIGINT)

    simulate(ready, digits, images=2, processes=1)  # built
    before = (ready / "simulation.json").read_bytes()
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate(ready, digits, processes=1)
    assert [process.returncode is not None for process in started] == [True]
    assert (ready / "simulation.json").read_bytes() == before


def test_the_counting_trees_as_synthesised(ready, digits):
    records = [dict(simulate(ready, digits, images=60, processes=1, trees=trees).record) for trees in (False, True)]
    for record in records:
        del record["simulated_cycles_per_second"]
    assert records[0] == records[1]
    assert records[1]["mismatches"] == 0


def test_deep_weights_in_columns(tmp_path, digits):
    drawn = network("8x8x1 - D144(16,16) - D128(4,4) - D10(2,8)")  # 1,152 words of 16 bits in layer 2
    flow.compile(save_run(tmp_path / "run", drawn), tmp_path / "build")
    columns = {f"mem/layer2_weights.hex.{number:03}" for number in (0, 1)}
    assert columns <= set(json.loads((tmp_path / "build" / "ports.json").read_text())["memories"])
    record = simulate(tmp_path / "build", digits, images=40, levels=(3, 1), processes=1).record
    assert (record["mismatches"], record["images"]) == (0, 40)


@pytest.mark.parametrize("seed", [0, 7, 12345])
def test_levels_in_turn_and_stalls(ready, digits, seed):
    record = simulate(ready, digits, levels=(3, 1, 2), stalls=seed, processes=1).record
    assert (record["mismatches"], record["images"], record["levels"]) == (0, 360, [3, 1, 2])
    assert record["stalls"] == seed
    assert record["cycles_per_image"] is None
    assert record["latency_cycles"] is None
    assert record["bound_cycles"] == (45 + 15 + 30) / 3


def test_stalls_are_the_same_every_time(ready, digits):
    first, second = (simulate(ready, digits, images=40, stalls=3, processes=1).record for _ in range(2))
    assert first["fifo_peaks"] == second["fifo_peaks"]


@pytest.mark.parametrize("levels", [1, 2])
def test_fewer_levels_keep_their_bound(ready, digits, levels):
    record = simulate(ready, digits, levels=(levels,), processes=1).record
    assert record["mismatches"] == 0
    assert record["cycles_per_image"] == record["bound_cycles"] == {1: 15, 2: 30}[levels]


def test_one_image_has_no_pace(ready, digits):
    record = simulate(ready, digits, images=1).record
    assert (record["images"], record["mismatches"], record["cycles_per_image"]) == (1, 0, None)


def test_silence_names_the_channel(ready, digits):
    channels = ", ".join(rf"{re.escape(channel)} \d+/\d+" for channel in CHANNELS)
    message = (
        r"no beat moved for (\d+) cycles, at cycle \d+: m_axis holds a score \(tvalid=1\) that the sink does not take "
        r"\(tready=0\); (\d+) images and \d+ beats went in, 2 images and 5 scores came out; words in the FIFOs: "
        rf"{channels}"
    )
    with pytest.raises(StallError) as caught:
        simulate(ready, digits, images=100, sink_beats=25, processes=1)
    match = re.fullmatch(message, str(caught.value))
    assert match, str(caught.value)
    assert 2 < int(match[2]) < 100
    assert not (ready / "simulation.json").exists()


def test_equal_builds_share_a_simulator(ready, run_folder, digits, tmp_path, monkeypatch):
    simulate(ready, digits, images=2)
    monkeypatch.setattr("rebnet.simulate.build.compile_units", None)
    flow.compile(run_folder, tmp_path / "other")
    assert simulate(tmp_path / "other", digits, images=2).mismatches == 0
    assert sorted(path.name for path in ready.iterdir() if "simulat" in path.name) == ["simulation.json"]


class AskedError(Exception):
    """How the program of a simulation was to be compiled."""


@pytest.mark.parametrize(
    ("short", "trace", "optimize"), [(360 * 45 + 1, None, "-Og"), (360 * 45, None, "-O3"), (0, "a.vcd", "-O0")]
)
def test_a_long_run_is_worth_a_long_compile(ready, digits, tmp_path, monkeypatch, short, trace, optimize):
    def asked(*given, optimize, **options):
        raise AskedError(optimize)

    monkeypatch.setattr("rebnet.simulate.SHORT_CYCLES", short)
    monkeypatch.setattr("rebnet.simulate.build_simulator", asked)
    with pytest.raises(AskedError, match=f"^{optimize}$"):
        simulate(ready, digits, trace=trace and tmp_path / trace)


def test_waveforms(ready, digits, tmp_path):
    path = tmp_path / "waves" / "a.vcd"
    assert simulate(ready, digits, images=1, trace=path).record["processes"] == 1
    assert path.read_text()[:8] == "$version"
    assert "layer2_convert" in path.read_text()


def test_waveforms_in_fst_need_headers():
    message = (
        "a waveform in FST needs the headers of lz4 and zlib, which are not installed; write a .vcd, or install them "
        "(for example: apt install liblz4-dev zlib1g-dev)"
    )
    with pytest.raises(ToolError, match=f"^{re.escape(message)}$"):
        _explain("fstcpp_writer.cpp:18:10: fatal error: lz4.h: No such file or directory\nmake: *** Error 1")
