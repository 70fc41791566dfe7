import pytest

from rebnet.errors import FoldingError, NotationError, OptionError
from rebnet.nn.networks import NETWORKS, architecture, widen


def test_arch_1_is_table_1():
    assert str(architecture("arch-1")) == "28x28x1 - D256(16,64) - D256(32,16) - D256(16,32) - D10(16,4)"


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_texts_are_canonical(name):
    assert str(architecture(name)) == NETWORKS[name]


def test_text_is_read():
    assert str(architecture(" 8x8x1 - D64 - D10")) == "8x8x1 - D64 - D10"


def test_unknown_name():
    with pytest.raises(NotationError) as caught:
        architecture("arch-9")
    assert str(caught.value) == (
        "network 'arch-9': not a known name; use one of arch-1, or a text such as '28x28x1 - D64 - D10'"
    )


def test_bad_folding_in_a_text():
    with pytest.raises(FoldingError):
        architecture("8x8x1 - D64(1,65) - D10")


def test_widen():
    assert str(widen(architecture("arch-1"), 2)) == ("28x28x1 - D512(16,64) - D512(32,16) - D512(16,32) - D10(16,4)")
    assert str(widen(architecture("8x8x1 - D64(4,64) - D64(4,64) - D10(1,4)"), 0.5)) == (
        "8x8x1 - D32(4,64) - D32 - D10(1,4)"
    )


@pytest.mark.parametrize("factor", [0, -1, 0.001, float("nan"), float("inf")])
def test_widen_refuses(factor):
    with pytest.raises(OptionError, match=f"width={factor}"):
        widen(architecture("arch-1"), factor)
