"""simulator: the process stays up, ends with its owner, and starts again after what broke it."""

import gc
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from tests.connections.test_connections import IMAGES

import rebnet
from rebnet.connections.simulator import Simulator
from rebnet.errors import FileFormatError, StallError, ToolError

pytestmark = pytest.mark.rtl


@pytest.fixture
def simulator(simulated: Path):
    with rebnet.connect(f"simulator:{simulated}") as there:
        assert isinstance(there, Simulator)
        yield there


def process_of(simulator: Simulator) -> int:
    """The simulator's own process, below the one that supervises it."""
    supervisor = simulator._server._process
    assert supervisor is not None
    children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split()
    return int(children[0])


def is_there(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_end(process: int) -> None:
    for _ in range(200):
        if not is_there(process):
            return
        time.sleep(0.05)
    raise AssertionError("the simulator is still there")


def test_one_process_answers_all_calls(simulator: Simulator):
    simulator.predict(IMAGES[:2])
    process = process_of(simulator)
    simulator.predict(IMAGES[2:5])
    assert process_of(simulator) == process
    simulator.close()
    wait_for_end(process)


def test_it_ends_with_the_object(simulated: Path):
    there = rebnet.connect(f"simulator:{simulated}")
    there.predict(IMAGES[:1])
    process, folder = process_of(there), Path(f"/proc/{process_of(there)}/cwd").readlink()
    del there
    gc.collect()
    wait_for_end(process)
    assert not folder.exists()


def test_one_that_died_is_a_sentence_and_the_next_call_starts_another(simulator: Simulator):
    scores = simulator.predict(IMAGES[:2])
    os.kill(process_of(simulator), signal.SIGKILL)
    with pytest.raises(ToolError, match=r"^the simulator ended with status -9 before its work was done"):
        simulator.predict(IMAGES[:2])
    assert (simulator.predict(IMAGES[:2]) == scores).all()


def test_ctrl_c_in_the_midst(simulator: Simulator, heeds_ctrl_c: None):
    """It ends the simulator; the next call starts another and is right."""
    scores = simulator.predict(IMAGES[:2])
    process = process_of(simulator)
    os.kill(process, signal.SIGSTOP)  # it never answers
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        simulator.predict(IMAGES[:2])
    wait_for_end(process)
    assert (simulator.predict(IMAGES[:2]) == scores).all()


def test_a_start_needs_nothing_that_was_left(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Its folder was cleaned away: the next start writes the memories again. Without its program, a sentence."""
    scores = simulator.predict(IMAGES[:2])
    shutil.rmtree(Path(f"/proc/{process_of(simulator)}/cwd").readlink())
    simulator._server.end()
    assert (simulator.predict(IMAGES[:2]) == scores).all()
    simulator._server.end()
    monkeypatch.setattr(simulator._server, "_command", [str(tmp_path / "gone"), *simulator._server._command[1:]])
    with pytest.raises(ToolError, match="the built simulator is not in the cache any more"):
        simulator.predict(IMAGES[:2])


def test_a_folder_of_any_name(simulated: Path, simulator: Simulator, tmp_path: Path):
    folder = tmp_path / "a b" / "ü 'q\" $x 日本"
    shutil.copytree(simulated, folder)
    with rebnet.connect(f"simulator:{folder}?stalls=7") as there:
        assert (there.predict(IMAGES[:3]) == simulator.predict(IMAGES[:3])).all()


def test_a_stall_names_the_channel(simulator: Simulator):
    """A patience too short for the accelerator looks like one."""
    command = simulator._server._command
    command[command.index("--patience") + 1] = "3"
    with pytest.raises(StallError, match="no beat moved for"):
        simulator.predict(IMAGES[:1])


def test_a_build_without_rtl_or_with_another(build: Path):
    (build / "rtl" / "accelerator.sv").write_text("module accelerator; endmodule\n")
    with pytest.raises(FileFormatError, match="is not what the build's network and folding generate"):
        rebnet.connect(f"simulator:{build}")
    shutil.rmtree(build / "rtl")
    with pytest.raises(FileFormatError):
        rebnet.connect(f"simulator:{build}")
    (build / "ports.json").unlink()
    with pytest.raises(FileFormatError, match=r"ports\.json"):
        rebnet.connect(f"simulator:{build}")
