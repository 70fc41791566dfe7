"""Blocks of branches in network texts: round trip, maps, every refusal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebnet.errors import NotationError
from rebnet.ir.bounds import MAX_NESTING
from rebnet.ir.notation import Block, parse
from rebnet.nn.networks import architecture, widen

IDENTITY = "8x8x2 - C4:3x3+same - {} - D3"


@st.composite
def chains(draw, depth=0):
    """Items that keep 4 channels and the map's size, as text."""
    items = []
    for _ in range(draw(st.integers(1, 3))):
        if depth < 3 and draw(st.integers(0, 2)) == 0:
            branches = [draw(chains(depth + 1)) for _ in range(draw(st.integers(1, 3)))]
            branches.insert(draw(st.integers(0, len(branches))), "")
            times = draw(st.sampled_from(["", "1", "2", "03"]))
            space = draw(st.sampled_from(["", " ", "  "]))
            items.append(f"{times}{{{space}{f'{space}|{space}'.join(branches)}{space}}}+")
        else:
            items.append(draw(st.sampled_from(["C4:3x3+same", "C4(2,3):1x1", "C4:5x5+same", "AP1/1"])))
    return draw(st.sampled_from([" - ", "–"])).join(items)


@settings(max_examples=60, deadline=None)
@given(chains(), st.sampled_from(["D3", "GAP - D3", "MP2 - D3", "{ D4 | D4 }& - D3"]))
def test_printing_and_parsing_is_the_identity(chain, end):
    described = parse(f"8x8x2 - C4:3x3+same - {chain} - {end}")
    assert parse(str(described)) == described
    assert str(parse(str(described))) == str(described)
    assert "  " not in str(described)
    for front, behind in zip(described.places, described.places[1:], strict=False):
        assert front.behind.elements > 0 < behind.inputs


def test_what_stands_in_a_block_counts_as_often_as_the_block():
    described = parse(
        "8x8x2 - C4:3x3+same - 2{C8:3x3/1+same|{ C4:1x1 | C4:1x1 }&}+ - { C2:3x3/2+same | AP2 - C6:1x1 }& - D3"
    )
    assert str(described) == (
        "8x8x2 - C4:3x3+same - 2{ C8:3x3+same | { C4:1x1 | C4:1x1 }& }+ - { C2:3x3/2+same | AP2 - C6:1x1 }& - D3"
    )
    assert [str(place.behind) for place in described.places] == [
        "8x8x4", *["8x8x8", "8x8x4", "8x8x4"] * 2, "4x4x2", "4x4x8", "4x4x6", "1x1x3",
    ]  # fmt: skip
    assert [place.inputs for place in described.places] == [18, 36, 4, 4, 72, 8, 8, 72, 64 * 8, 8, 128]
    assert isinstance(described.items[1], Block)
    assert described.items[1].times == 2
    assert not described.is_chain
    assert len(described.weighted) == 10
    assert sum(place.weights for place in described.places) == 72 + 288 + 32 + 576 + 64 + 144 + 48 + 384


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8x8x1 - { C4 | }+ - D2", "token 5, '}+': a branch gives the image itself; put a layer in front of the block"),
        (
            "8x8x1 - C4 - { C5 | }+ - D2",
            "token 6, '}+': its branches give 4x4x5 and 6x6x4; give them the same strides and padding, and the same "
            "number of channels",
        ),
        (
            "8x8x1 - C4 - { C4 | }& - D2",
            "token 6, '}&': its branches give 4x4x4 and 6x6x4; give them the same strides and padding",
        ),
        ("8x8x1 - C4 - { C4 - D2", "token 3, '{': the block is not closed; end it with '}+' or '}&'"),
        ("8x8x1 - C4 - { C4 | ", "token 3, '{': the block is not closed; end it with '}+' or '}&'"),
        (
            "8x8x1 - C4 }+ - D2",
            "token 3, '}+': no block is open here; put a '{' before its branches, or leave it out",
        ),
        ("8x8x1 - C4 | C4", "token 3, '|': no block is open here; put a '{' before its branches, or leave it out"),
        ("8x8x1 - C4 - 9999{ C4:3x3+same | }+ - D2", "token 3, '9999{': makes 9999 layers and pools; use at most 1000"),
        ("8x8x1 - C4 - 0{ C4:3x3+same | }+ - D2", "token 3, '0{': a block stands at least once; use a number of 1 to "
            "1000, or none"),
        ("8x8x1 - C4 - { | }+ - D2", "token 5, '}+': ends a block without a layer; give at least one branch a layer"),
        (
            "8x8x1 - C4 - { C4 }+ - D2",
            "token 5, '}+': ends a block of one branch; part branches by '|', an empty one is the identity",
        ),
        (
            "8x8x1 - C4 - { C4:3x3+same | } - D2",
            "token 6, '}': does not say how branches meet; write '}+' for a sum or '}&' to join channels",
        ),
        (
            "8x8x1 - C4 - { AP3/1 | C4:3x3 }+ - D2",
            "token 7, '}+': its branches give averages of 1 and 9 elements, which count other units; pool every "
            "branch, or pool behind the block",
        ),
        (
            "8x8x1 - C4 - 5{ C4 | C4 }+ - D2",
            "token 3, '5{': a 3x3 window does not fit the 2x2 map in front of it; use a smaller one, or +same in a "
            "convolution",
        ),
        ("8x8x1 - C4 - { C4 | C4 }+ D2", "token 8, 'D2': stands right behind a block; put ' - ' between them"),
        ("8x8x1 - C4 { C4 | C4 }+ - D2", "token 3, '{': stands right behind a layer; put ' - ' between them"),
        ("8x8x1 { C4 | C4 }+ - D2", "token 2, '{': stands right behind the image; put ' - ' between them"),
        (
            "8x8x1 - AP2 - D2",
            "token 2, 'AP2': an average pool must follow a convolution C<channels>, a pool or a block",
        ),
        ("8x8x1 - D4 - GAP - D2", "token 3, 'GAP': stands behind a dense layer, where only dense layers D<outputs> may "
            "stand"),
        (
            IDENTITY.format("{" * (MAX_NESTING + 1) + "C4:3x3+same" + " | }+" * (MAX_NESTING + 1)),
            "token 11, '{': is a block in 8 others; use at most 8 in one another",
        ),
    ],
)  # fmt: skip
def test_refusals(text, message):
    with pytest.raises(NotationError) as refusal:
        parse(text)
    assert str(refusal.value) == f"network text, {message}"


def test_a_block_ends_no_network():
    with pytest.raises(NotationError, match="the last layer must have weights"):
        parse("8x8x1 - { C4 | C4 }+")


@pytest.mark.parametrize(
    ("name", "convolutions", "parameters"), [("resnet-20", 21, 270_000), ("resnet-18", 20, 11_000_000)]
)
def test_residual_networks(name, convolutions, parameters):
    described = architecture(name)
    assert len(described.weighted) == convolutions + 1
    assert sum(place.weights for place in described.places) == pytest.approx(parameters, rel=0.05)
    half = widen(described, 0.5)
    assert half.classes == 10
    assert half.shapes[-2].channels == described.shapes[-2].channels // 2
    assert parse(str(half)) == half


def test_vgg_small():
    assert architecture("vgg-small").is_chain
    assert [str(place.behind) for place in architecture("vgg-small").places][-2:] == ["4x4x512", "1x1x10"]


def test_widening_leaves_a_folding_open_where_it_fits_no_more():
    described = parse("8x8x1 - C8:3x3+same - 2{ C8(2,72):3x3+same | }+ - D2(1,9)")
    assert str(widen(described, 0.5)) == "8x8x1 - C4:3x3+same - 2{ C4:3x3+same | }+ - D2(1,9)"
    assert str(widen(described, 2)) == "8x8x1 - C16:3x3+same - 2{ C16(2,72):3x3+same | }+ - D2(1,9)"


JOIN = "8x8x2 - C4:3x3+same - { | C3:3x3+same }&"


def test_a_join_s_last_part_is_improved():
    text = f"{JOIN} - {{ | C3:3x3+same }}< - {{ | C5:3x3+same }}& - {{ | C5:1x1 - PReLU }}< - {{ | C5:1x1 }}< - D3"
    described = parse(text)
    assert str(described) == text
    assert [place.behind.channels for place in described.places] == [4, 3, 3, 5, 5, 5, 5, 3]
    assert [place.inputs for place in described.places][:5] == [18, 36, 63, 63, 12]
    with pytest.raises(NotationError):
        parse(text.replace("}<", "}+"))


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (
            "MP2 - { | C3:3x3+same }<",
            "adds to the last part of a join; write it right behind a block that ends in '}&'",
        ),
        ("{ C3:3x3+same | }<", "adds to the last part of a join; write it right behind a block that ends in '}&'"),
        ("{ | C3:1x1 | C3:1x1 }<", "adds to the last part of a join"),
        (
            "2{ | C7:1x1 }<",
            "adds 8x8x7 to the last part of the join in front, 8x8x3; give it the same map and channels",
        ),
        ("{ | C3:3x3 }<", "adds 6x6x3 to the last part of the join in front, 8x8x3"),
    ],
)
def test_what_is_no_improvement(block, said):
    with pytest.raises(NotationError) as caught:
        parse(f"{JOIN} - {block} - D3")
    assert said in str(caught.value)
