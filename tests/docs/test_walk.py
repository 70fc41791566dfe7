"""The page's table is the cycle model's, and the cycle model is the RTL's."""

from pathlib import Path

import pytest

from .pages import DOCS
from .walk import first_image, make_build, model_events, rtl_events, table, until

PAGE = DOCS / "concepts" / "one-image-through-the-accelerator.md"


def test_the_table_of_the_page_is_what_the_model_does(tmp_path: Path) -> None:
    events = first_image(*make_build(tmp_path))
    assert table(events) in PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all runs, so that the simulator is compiled once."""
    return tmp_path_factory.mktemp("walk")


@pytest.mark.rtl
@pytest.mark.parametrize("levels", [(2, 2, 2, 2), (1, 2, 1, 1, 2, 2)])
def test_the_rtl_does_the_same_in_every_cycle(place: Path, levels: tuple[int, ...]) -> None:
    accelerator, depths = make_build(place)
    model = model_events(accelerator, depths, levels)
    rtl = rtl_events(place, accelerator, (*levels, *[levels[-1]] * 10))
    assert until(model[-1][0] + 1, rtl) == model
