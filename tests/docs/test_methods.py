"""The page of the methods against the code: its table and its picture are what the parts say."""

from .pages import tool

drawn = tool("draw_methods")


def test_the_table_is_that_of_the_parts() -> None:
    text = drawn.PAGE.read_text(encoding="utf-8")
    assert drawn.page(text) == text, "run tools/draw_methods.py"


def test_the_picture_is_that_of_the_estimators() -> None:
    assert drawn.PICTURE.read_text(encoding="utf-8") == drawn.picture(), "run tools/draw_methods.py"
