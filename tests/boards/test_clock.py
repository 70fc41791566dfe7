"""The PLL: the fastest clock that is not above the wish, within the data sheet's limits."""

import pytest

from rebnet.boards.clock import CLOCK_MHZ, COMPARED_MHZ, LOOP_MHZ, dividers
from rebnet.errors import OptionError


@pytest.mark.parametrize("wish", [10, 12.5, 33.333, 50, 61.7, 66, 87.654, 100, 123.4, 133, 166, 200, 399, 400])
def test_within_limits_and_near(wish: float) -> None:
    setting = dividers(25, wish)
    compared = 25 / setting.input
    fed_back = compared * setting.feedback
    loop = fed_back * setting.primary
    assert setting.clock_mhz == loop / setting.output
    assert COMPARED_MHZ[0] <= compared <= COMPARED_MHZ[1]
    assert CLOCK_MHZ[0] <= fed_back <= CLOCK_MHZ[1]
    assert LOOP_MHZ[0] <= loop <= LOOP_MHZ[1]
    assert all(1 <= value <= 128 for value in (setting.input, setting.primary, setting.output))
    assert 1 <= setting.feedback <= 80
    assert 0.94 * wish < setting.clock_mhz <= wish


@pytest.mark.parametrize("wish", [25, 50, 75, 80, 100, 125, 150, 200, 400])
def test_a_clock_that_can_be_is_met(wish: float) -> None:
    assert dividers(25, wish).clock_mhz == wish


@pytest.mark.parametrize(("wish", "shown"), [(9.99, "9.99"), (400.1, "400.1"), (float("nan"), "nan")])
def test_a_clock_that_cannot_be(wish: float, shown: str) -> None:
    with pytest.raises(OptionError) as error:
        dividers(25, wish)
    assert str(error.value) == f"clock of {shown} MHz: the PLL makes 10 to 400 MHz; use one of these"
