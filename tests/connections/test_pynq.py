"""pynq: what is refused, and that no code of the folder runs; behind the stand-in is the shell's RTL."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.boards import test_axi
from tests.boards.pynq_board import Board, program
from tests.connections.test_connections import IMAGES
from tests.simulate.builds import network, save_run

import rebnet
from rebnet import flow
from rebnet.errors import BoardError, FileFormatError, OptionError

pytestmark = pytest.mark.rtl


def test_no_code_of_the_folder_runs(pynq: Board, simulated: Path, tmp_path: Path):
    shutil.copytree(pynq.place, tmp_path / "board")
    for name in ("driver.py", "validate.py"):
        (tmp_path / "board" / name).write_text("raise SystemExit('it ran')")
    with rebnet.connect(f"pynq:{tmp_path / 'board'}", simulated) as there:
        assert (there.predict(IMAGES[:3]) == rebnet.load(simulated).predict(IMAGES[:3])).all()
        assert repr(there).endswith(f"M = 3, pynq:{tmp_path / 'board'}>")


def test_a_build_is_named(pynq: Board, simulated: Path, tmp_path: Path):
    with pytest.raises(OptionError) as error:
        rebnet.connect(f"pynq:{pynq.place}")
    assert str(error.value) == (
        f"where='pynq:{pynq.place}': which network should answer? Name its build: "
        f'rebnet.connect("pynq:{pynq.place}", "build/x")'
    )
    with pytest.raises(OptionError, match=r"there is no option 'baud'; it knows timeout$"):
        rebnet.connect(f"pynq:{pynq.place}?baud=3", simulated)
    with pytest.raises(FileFormatError, match=r"shell\.json: no such file"):
        rebnet.connect(f"pynq:{tmp_path}", simulated)
    flow.compile(save_run(tmp_path / "run", replace(network(), name="another")), tmp_path / "other")
    with pytest.raises(BoardError, match=r"shell\.json: is of another network \(.*; name the build that the bitstream"):
        rebnet.connect(f"pynq:{pynq.place}", tmp_path / "other")
    assert pynq.programmed == []


def test_evaluate_where(pynq: Board, simulated: Path, tmp_path: Path):
    where = f"pynq:{pynq.place}?timeout=5"
    record = flow.evaluate(simulated, "digits", where=where, images=6, levels=2)
    assert (record.where, record.images, record.levels, record.labels_differing) == (where, 6, 2, 0)
    with pytest.raises(FileFormatError) as error:
        flow.evaluate(simulated, "digits", where=f"pynq:{tmp_path}")
    assert str(error.value) == (
        f"{tmp_path}/shell.json: no such file; write what stands beside the bitstream: rebnet generate {simulated} "
        f"--target deploy --output {tmp_path}"
    )


def test_what_the_board_says_is_told(pynq: Board, simulated: Path):
    pynq.said = {0: 1}
    with pytest.raises(BoardError, match=rf"^pynq:{pynq.place}: no shell of rebnet is there"):
        rebnet.connect(f"pynq:{pynq.place}", simulated)
    pynq.said = {}
    with rebnet.connect(f"pynq:{pynq.place}?timeout=0.3", simulated) as there:
        pynq.stuck = True
        with pytest.raises(BoardError, match=r"a transfer of 3 images stands still: nothing came in 0\.3 s"):
            there.labels(IMAGES[:3])
        pynq.stuck = False
        assert (there.labels(IMAGES[:3]) == rebnet.load(simulated).labels(IMAGES[:3])).all()


def test_a_map_keeps_its_rows_and_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    build, place = tmp_path / "build", tmp_path / "board"
    test_axi.compiled(build, "on a map")
    board = Board(program(build, tmp_path / "simulated"), "accelerator_axi", 11)
    flow.generate(build, target="deploy", output=place)
    for name in ("x.bit", "x.hwh"):
        (place / name).write_text("")
    monkeypatch.setitem(sys.modules, "pynq", board.pynq())
    images = np.random.default_rng(1).integers(0, 256, (5, 4, 5, 1), dtype=np.uint8)
    cpu = rebnet.load(build)
    try:
        with rebnet.connect(f"pynq:{place}", build) as there:
            for given in (images, images[0], images[:0]):
                assert there.predict(given).shape == cpu.predict(given).shape
                assert (there.predict(given) == cpu.predict(given)).all()
                assert there.labels(given).shape == cpu.labels(given).shape
                assert (there.labels(given) == cpu.labels(given)).all()
            assert (there.labels(images, [1, 2, 1, 1, 2]) == cpu.labels(images, [1, 2, 1, 1, 2])).all()
    finally:
        board.close()


def test_without_pynq(pynq: Board, simulated: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pynq", None)
    with pytest.raises(BoardError, match=r"pynq cannot be imported \(.*\); run this on a board with PYNQ, in its own"):
        rebnet.connect(f"pynq:{pynq.place}", simulated)
