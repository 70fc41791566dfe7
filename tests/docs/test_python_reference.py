"""The page of Python is made from the docstrings as they are, and every verb of `flow` is on it."""

from rebnet import flow

from .pages import tool

reference = tool("python_reference")


def test_the_page_is_what_the_docstrings_say() -> None:
    assert reference.page() == reference.PAGE.read_text(encoding="utf-8"), "run tools/python_reference.py"


def test_every_verb_is_there_whole() -> None:
    text = reference.page()
    functions = [name for name in flow.__all__ if callable(getattr(flow, name)) and name.islower()]
    assert len(functions) > 10
    assert [name for name in functions if f"### {name}\n" not in text] == []


def test_nothing_public_of_a_room_is_without_a_sentence() -> None:
    for room in reference.ROOMS:
        for module in reference.modules(room):
            assert [node.name for node in reference.public(module) if not reference.first(node)] == []
