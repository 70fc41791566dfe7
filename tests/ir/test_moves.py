"""Tokens that move maps: what they are, and what is refused."""

import pytest

from rebnet.errors import NotationError
from rebnet.ir.moves import DepthToSpaceText, UpsampleText
from rebnet.ir.notation import parse
from rebnet.ir.values import Shape
from rebnet.spec.upsample import Factors


def test_tokens_are_read_and_written():
    text = "6x4x1 - C36:2x2/2 - PS2 - PS3 - U2x1 - { U2 | PS1024 }& - D3"
    with pytest.raises(NotationError, match=r"'PS1024': parts 1 channels among 1024x1024 places"):
        parse(text)
    text = text.replace(" - { U2 | PS1024 }&", "")
    described = parse(text)
    assert str(described) == text
    assert described.layers[1:4] == (DepthToSpaceText(2), DepthToSpaceText(3), UpsampleText(Factors(2, 1)))
    assert described.shapes[1:5] == (Shape(3, 2, 36), Shape(6, 4, 9), Shape(18, 12, 1), Shape(36, 12, 1))
    assert described.is_chain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4x4x4 - PS2 - D3", "network text, token 2, 'PS2': moves the image itself; put a layer in front of it"),
        ("4x4x4 - U2 - D3", "network text, token 2, 'U2': repeats the image itself; put a layer in front of it"),
        (
            "4x4x4 - C6 - PS2 - D3",
            "network text, token 3, 'PS2': parts 6 channels among 2x2 places; give the layer in front a multiple of 4",
        ),
        ("4x4x4 - C6 - PS1 - D3", "network text, token 3, 'PS1': parts channels among 1x1 places; use at least 2"),
        (
            "4x4x4 - C6 - U1 - D3",
            "network text, token 3, 'U1': repeats a map 1x1 times; use at least 1",
        ),
        (
            "4x4x4 - D6 - PS2 - D3",
            "network text, token 3, 'PS2': stands behind a dense layer, where only dense layers D<outputs> may stand",
        ),
    ],
)
def test_what_moves_nothing_is_refused(text, message):
    with pytest.raises(NotationError) as refusal:
        parse(text)
    assert str(refusal.value).startswith(message)
