"""Network texts: round trip, the canonical spelling, every refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebnet.errors import FoldingError, NotationError
from rebnet.ir.notation import Architecture, DenseText, Folding, parse

ARCH_1 = "28x28x1 - D256(16,64) - D256(32,16) - D256(16,32) - D10(16,4)"


@st.composite
def architectures(draw):
    height, width, channels = (draw(st.integers(1, 40)) for _ in range(3))
    inputs, layers = height * width * channels, []
    for _ in range(draw(st.integers(1, 5))):
        rows = draw(st.integers(1, 2000))
        lanes = st.none() | st.integers(1, 8)
        folding = st.none() | st.builds(Folding, st.integers(1, 300), st.integers(1, inputs), lanes)
        layers.append(DenseText(rows, draw(folding)))
        inputs = rows
    return Architecture(height, width, channels, tuple(layers))


@given(architectures())
def test_printing_and_parsing_is_the_identity(architecture):
    assert parse(str(architecture)) == architecture


def test_the_paper_s_arch_1():
    arch = parse(ARCH_1)
    assert str(arch) == ARCH_1
    assert (arch.samples, arch.classes) == (784, 10)
    assert [arch.inputs_of(index) for index in range(4)] == [784, 256, 256, 256]
    assert arch.layers[3] == DenseText(10, Folding(16, 4))


def test_without_folding():
    assert str(parse(ARCH_1).without_folding()) == "28x28x1 - D256 - D256 - D256 - D10"


@pytest.mark.parametrize(
    "text",
    [
        " 28x28x1 - D256(16,64) - D10 ",
        "28x28x1 – D256(16,64) – D10",
        "28x28x1—D256(16,64)—D10",
        "28x28x1\t-\nD256( 16 ,64) - D10",
        "028x28x01 - D0256(016,64) - D10",
    ],
)
def test_other_spellings_have_one_canonical_form(text):
    assert str(parse(text)) == "28x28x1 - D256(16,64) - D10"


IMAGE = (
    "the image must come first as HEIGHTxWIDTHxCHANNELS, each at least 1, such as 28x28x1; "
    "tokens are separated by ' - '"
)
LAYER = (
    "not a layer; legal is a dense layer D<outputs>, D<outputs>(PE,SIMD) or D<outputs>(PE,SIMD,LANES), "
    "such as D256(16,64)"
)
FACTORS = "the parentheses must hold (PE,SIMD) or (PE,SIMD,LANES) in whole numbers, such as (16,64)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"network text, token 1, '': {IMAGE}"),
        ("D256 - D10", f"network text, token 1, 'D256': {IMAGE}"),
        ("784 - D10", f"network text, token 1, '784': {IMAGE}"),
        ("28x28 - D10", f"network text, token 1, '28x28': {IMAGE}"),
        ("28x0x1 - D10", f"network text, token 1, '28x0x1': {IMAGE}"),
        ("28x28x1-D10", f"network text, token 1, '28x28x1-D10': {IMAGE}"),
        ("28x28x1", "network text '28x28x1': no layer follows the image; add one, such as ' - D10'"),
        ("28x28x1 - C64 - D10", f"network text, token 2, 'C64': {LAYER}"),
        ("28x28x1 - D64 - d10", f"network text, token 3, 'd10': {LAYER}"),
        ("28x28x1 - D64 - ", f"network text, token 2, 'D64 -': {LAYER}"),
        ("28x28x1 - D0", f"network text, token 2, 'D0': {LAYER}"),
        ("28x28x1 - D-5", f"network text, token 2, 'D-5': {LAYER}"),
        ("28x28x1 - D1234567890", f"network text, token 2, 'D1234567890': {LAYER}"),
        ("28x28x1 - D10(16,4", f"network text, token 2, 'D10(16,4': {LAYER}"),
        ("28x28x1 - D10(16,4))", f"network text, token 2, 'D10(16,4))': {LAYER}"),
        ("28x28x1 - D10()", f"network text, token 2, 'D10()': {FACTORS}"),
        ("28x28x1 - D10(16)", f"network text, token 2, 'D10(16)': {FACTORS}"),
        ("28x28x1 - D10(16,4,1,1)", f"network text, token 2, 'D10(16,4,1,1)': {FACTORS}"),
        ("28x28x1 - D10(16,x)", f"network text, token 2, 'D10(16,x)': {FACTORS}"),
        ("28x28x1 - D10(16,-4)", f"network text, token 2, 'D10(16,-4)': {FACTORS}"),
        ("28x28x1 - D10(1.5,4)", f"network text, token 2, 'D10(1.5,4)': {FACTORS}"),
    ],
)
def test_unreadable_texts(text, message):
    with pytest.raises(NotationError) as refusal:
        parse(text)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "28x28x1 - D784 - D784 - D256(16,900)",
            "layer 3, D256(16,900): SIMD=900 is more than the layer's 784 inputs; use 1 to 784",
        ),
        ("4x4x1 - D10(1,17)", "layer 1, D10(1,17): SIMD=17 is more than the layer's 16 inputs; use 1 to 16"),
        ("4x4x1 - D10(1,0)", "layer 1, D10(1,0): SIMD=0; use 1 to 16"),
        ("4x4x1 - D10 - D3(0,1)", "layer 2, D3(0,1): PE=0; use at least 1"),
        ("4x4x1 - D10(1,1,0)", "layer 1, D10(1,1,0): LEVEL_LANES=0; use 1 to 8"),
        ("4x4x1 - D10(1,1,9)", "layer 1, D10(1,1,9): LEVEL_LANES=9; use 1 to 8"),
    ],
)
def test_impossible_foldings(text, message):
    with pytest.raises(FoldingError) as refusal:
        parse(text)
    assert str(refusal.value) == message


def test_more_elements_than_rows_are_legal():
    assert parse("4x4x1 - D10(16,4)").layers[0].folding == Folding(16, 4)


@given(st.text(alphabet="0123456789xD(),- \n٣²", max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        architecture = parse(text)
    except (NotationError, FoldingError):
        return
    assert parse(str(architecture)) == architecture
