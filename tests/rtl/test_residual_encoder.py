"""residual_encoder against spec.residual.encode_integer, in the fewest bits that the law allows."""

from collections.abc import Callable

import numpy as np
import pytest

from rebnet.generate.memory import encoder_constants
from rebnet.ir.ops import Threshold
from rebnet.spec.gains import fits_accumulator
from rebnet.spec.residual import encode_integer, steps_of
from rebnet.stages.numbers import clog2

from .streams import SEED, Bench, case_name, join, played, to_word

REACH = 300
CASES = {
    f"{levels} levels" + (f", units of 1/{1 << shift}" if shift else "") + (", a tree" if tree else ""): {
        "LEVELS": levels,
        "ACC_WIDTH": clog2(REACH + 1),
        "THRESHOLD_WIDTH": shift + next(bits for bits in range(2, 32) if fits_accumulator(1, REACH, levels, bits)),
        "SHIFT": shift,
        "STEP_TREE": int(tree),
    }
    for levels, shift, tree in (
        *((1, 0, False), (2, 0, False), (3, 0, False), (4, 0, False), (2, 1, False), (3, 2, False), (4, 5, False)),
        *((1, 0, True), (2, 0, True), (3, 2, True), (5, 0, True)),
    )
}
CYCLES = 1500


@pytest.mark.rtl
@pytest.mark.parametrize("case", CASES)
def test_residual_encoder(simulate: Callable[..., None], case: str) -> None:
    simulate("residual_encoder", CASES, case)


@played
async def a_code_each_cycle(dut):
    """Every input has constants of its own; its code is there LEVELS cycles later."""
    parameters, rng, bench = CASES[case_name()], np.random.default_rng(SEED), Bench(dut)
    levels, width, shift = parameters["LEVELS"], parameters["THRESHOLD_WIDTH"], parameters["SHIFT"]
    tree = bool(parameters["STEP_TREE"])
    count = steps_of(levels, tree)
    reach = REACH << shift
    accumulators = rng.integers(0, REACH + 1, CYCLES)
    thresholds = rng.integers(-1, reach + 2, CYCLES)
    steps = rng.integers(0, reach + 3, (CYCLES, count)) >> rng.integers(0, 9, (CYCLES, count))
    # Corners: all residuals at their largest, and ties, whose sign is +1.
    accumulators[:4], thresholds[:4] = (0, REACH, 0, REACH), (reach + 1, -1, -1, reach + 1)
    steps[:4] = reach + 2
    thresholds[4:200] = accumulators[4:200] << shift
    steps[200:400] = np.abs((accumulators << shift) - thresholds)[200:400, None]
    codes = encode_integer(accumulators, thresholds, steps, shift, tree=tree)
    if tree:
        op = Threshold(thresholds[None], steps[None], shift, tree)
        steps = encoder_constants(op)[0, :, 1:]
    await bench.start()
    for cycle in range(CYCLES + levels):
        if cycle < CYCLES:
            dut.accumulator.value = int(accumulators[cycle])
            dut.constants.value = join([thresholds[cycle], *steps[cycle]], width)
        if cycle >= levels:
            assert dut.code.value.to_unsigned() == to_word(codes[:, cycle - levels]), f"input {cycle - levels}"
        await bench.step()
