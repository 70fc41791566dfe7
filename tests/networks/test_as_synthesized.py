"""Random networks as Yosys reads them: what it made of the SystemVerilog, written as Verilog again, is simulated.

A synthesizer may read a text otherwise than the simulator does, and then a bitstream is not what was proved. Yosys 0.70
takes `-WIDTH'(VALUE)` for `(-WIDTH)'(VALUE)`, which padded windows once said.
`--networks` and `--first-bundle` as for the networks that are simulated as they are, a tenth as many.
"""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from networks.draw import draw_bundle, draw_chain, draw_graph
from networks.test_random_networks import check_scores, draw_written
from rebnet.files import write_text
from rebnet.ir.network import Network
from rebnet.ir.ops import Conv
from rebnet.synthesize import yosys

BUNDLE = 5
FIRST = 7
"""Seed of the first bundle, in which windows are padded."""
NO_WARNINGS = "".join(
    f"// verilator lint_off {name}\n"
    for name in (
        "DECLFILENAME",
        "UNUSEDSIGNAL",
        "WIDTHEXPAND",
        "WIDTHTRUNC",
        "ASCRANGE",
        "CASEINCOMPLETE",
        "CASEOVERLAP",
        "PROCASSINIT",
    )
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    first, networks = (metafunc.config.getoption(name) for name in ("first_bundle", "networks"))
    bundles = [
        pytest.param(draw, first + FIRST + k, id=f"{name}-{k}")
        for k in range(-(-networks // 100))
        for name, draw in (("graph", draw_graph), ("chain", draw_chain), ("written", draw_written))
    ]
    metafunc.parametrize(("draw", "seed"), bundles)


@pytest.mark.rtl
def test_networks_as_yosys_reads_them(
    draw: Callable[[np.random.Generator, int], Network], seed: int, tmp_path: Path
) -> None:
    if importlib.util.find_spec("pyosys") is None:
        pytest.skip("install it with: pip install 'rebnet[synthesize]'")

    def read(texts: Mapping[str, str]) -> dict[str, str]:
        for name, text in texts.items():
            write_text(tmp_path / name, text)
        tops = [name.removesuffix(".sv") for name in texts if name.startswith("accelerator_")]
        library = " ".join(name for name in texts if not name.startswith("accelerator_"))
        for top in tops:
            commands = [
                f"read_verilog -sv -defer {library} {top}.sv",
                f"hierarchy -check -top {top}",
                "proc",
                "flatten",
                "opt_clean",
                f"write_verilog -noattr {top}.v",
            ]
            yosys.run(commands, tmp_path, cwd=tmp_path, timeout_s=600, stop=Event())
        return {f"{top}.v": NO_WARNINGS + (tmp_path / f"{top}.v").read_text() for top in tops}

    bundle, program = draw_bundle(seed, BUNDLE, tmp_path, draw, read=read, runtime_weights=draw is draw_written)
    rng = np.random.default_rng([seed, 2])
    for drawn in bundle:
        check_scores(drawn, program, tmp_path, rng)
    if (draw, seed) == (draw_graph, FIRST):
        windows = [node.op.window for drawn in bundle for node in drawn.network.layers if isinstance(node.op, Conv)]
        assert any(window.same or any(map(any, window.pads)) for window in windows)
