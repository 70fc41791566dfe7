import pytest

from rebnet.errors import FoldingError, NotationError, OptionError
from rebnet.nn.networks import NETWORKS, architecture, widen


def test_arch_1_is_table_1():
    assert str(architecture("arch-1")) == "28x28x1 - D256(16,64) - D256(32,16) - D256(16,32) - D10(16,4)"


def test_arch_2_is_table_1():
    assert str(architecture("arch-2")) == (
        "32x32x3 - C64(16,3) - C64(32,32) - MP2 - C128(16,32) - C128(16,32) - MP2 - C256(4,32) - C256(1,32) "
        "- D512(1,4) - D512(1,8) - D10(4,1)"
    )
    assert architecture("arch-2").shapes[8] == (1, 1, 256)


def test_arch_3_has_the_maps_of_its_docstring():
    shapes = architecture("arch-3").shapes
    assert [shape[0] for shape in shapes[1:9]] == [54, 26, 22, 10, 10, 10, 10, 4]
    assert shapes[8] == (4, 4, 256)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_texts_are_canonical(name):
    assert str(architecture(name)) == NETWORKS[name]


def test_text_is_read():
    assert str(architecture(" 8x8x1 - D64 - D10")) == "8x8x1 - D64 - D10"


def test_unknown_name():
    with pytest.raises(NotationError) as caught:
        architecture("arch-9")
    assert str(caught.value) == (
        "network 'arch-9': not a known name; use one of arch-1, arch-2, arch-3, resnet-18, resnet-20, vgg-small, or a "
        "text such as '28x28x1 - D64 - D10'"
    )


def test_bad_folding_in_a_text():
    with pytest.raises(FoldingError):
        architecture("8x8x1 - D64(1,65) - D10")


def test_widen():
    assert str(widen(architecture("arch-1"), 2)) == ("28x28x1 - D512(16,64) - D512(32,16) - D512(16,32) - D10(16,4)")
    assert str(widen(architecture("8x8x1 - D64(4,64) - D64(4,64) - D10(1,4)"), 0.5)) == (
        "8x8x1 - D32(4,64) - D32 - D10(1,4)"
    )


def test_widen_keeps_windows_pools_and_legal_foldings():
    text = "32x32x3 - C96(32,27) - MP3/2 - C384(64,54):3x3/2+same - MP2 - D10(40,50)"
    assert str(widen(architecture(text), 1 / 24)) == ("32x32x3 - C4(32,27) - MP3/2 - C16:3x3/2+same - MP2 - D10(40,50)")


@pytest.mark.parametrize("factor", [0, -1, 0.001, float("nan"), float("inf")])
def test_widen_refuses(factor):
    with pytest.raises(OptionError, match=f"width={factor}"):
        widen(architecture("arch-1"), factor)


def test_widen_counts_layers_as_build_does():
    with pytest.raises(OptionError, match=r"width=0\.1: layer 2 would have no outputs"):
        widen(architecture("8x8x1 - C8 - MP2 - C2 - D10"), 0.1)
