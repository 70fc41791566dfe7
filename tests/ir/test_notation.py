"""Network texts: round trip, the canonical spelling, every refusal."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebnet.errors import FoldingError, NotationError
from rebnet.ir.bounds import grouped_pe
from rebnet.ir.notation import Architecture, ConvText, DenseText, DepthwiseText, Folding, PoolText, parse
from rebnet.spec.window import Window

from ..spec.draw_windows import any_windows

ARCH_1 = "28x28x1 - D256(16,64) - D256(32,16) - D256(16,32) - D10(16,4)"


def foldings(inputs):
    lanes = st.none() | st.integers(1, 8)
    return st.none() | st.builds(Folding, st.integers(1, 300), st.integers(1, inputs), lanes)


@st.composite
def grouped(draw, window, channels):
    """A convolution in groups, or a depthwise one, with a folding that it can have."""
    groups = draw(st.sampled_from([one for one in range(1, channels + 1) if channels % one == 0]))
    times = draw(st.integers(1, 3))
    depthwise = groups == channels and draw(st.booleans())
    folding = draw(foldings(window.area * channels // groups))
    if folding is not None and groups > 1:
        folding = replace(folding, pe=draw(st.sampled_from(grouped_pe(groups * times, groups))))
    return DepthwiseText(times, folding, window) if depthwise else ConvText(groups * times, folding, window, groups)


@st.composite
def architectures(draw):
    height, width, channels = (draw(st.integers(1, 40)) for _ in range(3))
    layers = ()
    for _ in range(draw(st.integers(0, 4))):
        height_now, width_now, channels_now = Architecture(height, width, channels, layers).shapes[-1]
        window = draw(any_windows(min(height_now, width_now)))
        if layers and isinstance(layers[-1], ConvText | DepthwiseText) and draw(st.booleans()):
            layers = (*layers, PoolText(window))
            continue
        if draw(st.booleans()):
            window = Window(draw(st.integers(1, 12)), window.stride, same=True)
        if draw(st.integers(0, 3)) == 0:
            layers = (*layers, draw(grouped(window, channels_now)))
            continue
        folding = draw(foldings(window.area * channels_now))
        layers = (*layers, ConvText(draw(st.integers(1, 600)), folding, window))
    for _ in range(draw(st.integers(1, 4))):
        height_now, width_now, channels_now = Architecture(height, width, channels, layers).shapes[-1]
        folding = draw(foldings(height_now * width_now * channels_now))
        layers = (*layers, DenseText(draw(st.integers(1, 2000)), folding))
    return Architecture(height, width, channels, layers)


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
    "such as D256(16,64), a convolution C<channels> with an optional (PE,SIMD) and :KxK/STRIDE+same, such as "
    "C96(32,33):11x11/4, in groups with %GROUPS behind its channels, such as C32%4, or a depthwise one, such as "
    "DW:3x3+same, a max-pool MP<size>/STRIDE, such as MP2 or MP3/2, an average pool AP<size>/STRIDE or GAP, "
    "PReLU or RPReLU, U<factor> or U<rows>x<columns>, such as U2, a pixel shuffle PS<block>, such as PS2, or a "
    "block such as 2{ C64:3x3+same | }+"
)
CONV = "C16:5x5/2 or C16:1x9/1x2+same"
WINDOW = (
    "is no window; write rows x columns, and where there are any a stride behind '/' and padding behind '+', such as"
)
LEAST = "kernel and stride must be at least 1, such as"
PADDING = "padding must be less than the kernel, so that every window holds a part of the map, such as"
MAX_POOL = "MP3/2 or MP1x4"
POOL = "a max-pool must follow a convolution C<channels>"
BEHIND = "stands behind a dense layer, where only dense layers D<outputs> may stand"
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
        ("28x28x1 - c64 - D10", f"network text, token 2, 'c64': {LAYER}"),
        ("28x28x1 - C - D10", f"network text, token 2, 'C': {LAYER}"),
        ("28x28x1 - C0 - D10", f"network text, token 2, 'C0': {LAYER}"),
        ("28x28x1 - C4:3 - D10", f"network text, token 2, 'C4:3': '3' {WINDOW} {CONV}"),
        ("28x28x1 - C4:3x3/ - D10", f"network text, token 2, 'C4:3x3/': '3x3/' {WINDOW} {CONV}"),
        ("28x28x1 - C4:3x3+SAME - D10", f"network text, token 2, 'C4:3x3+SAME': {LAYER}"),
        ("28x28x1 - C4+same - D10", f"network text, token 2, 'C4+same': {LAYER}"),
        ("28x28x1 - C4:3x3+same/2 - D10", f"network text, token 2, 'C4:3x3+same/2': '3x3+same/2' {WINDOW} {CONV}"),
        ("28x28x1 - C4:3x3(1,1) - D10", f"network text, token 2, 'C4:3x3(1,1)': '3x3(1,1)' {WINDOW} {CONV}"),
        ("28x28x1 - C4:12345x12345 - D10", f"network text, token 2, 'C4:12345x12345': '12345x12345' {WINDOW} {CONV}"),
        ("28x28x1 - C4:0x0 - D10", f"network text, token 2, 'C4:0x0': {LEAST} {CONV}"),
        ("28x28x1 - C4:3x0 - D10", f"network text, token 2, 'C4:3x0': {LEAST} {CONV}"),
        ("28x28x1 - C4:3x3/0 - D10", f"network text, token 2, 'C4:3x3/0': {LEAST} {CONV}"),
        ("28x28x1 - C4:3x3/1x0 - D10", f"network text, token 2, 'C4:3x3/1x0': {LEAST} {CONV}"),
        ("28x28x1 - C4:3x1+1 - D10", f"network text, token 2, 'C4:3x1+1': {PADDING} {CONV}"),
        ("28x28x1 - C4:3x3+(0,3)x1 - D10", f"network text, token 2, 'C4:3x3+(0,3)x1': {PADDING} {CONV}"),
        ("28x28x1 - C4:3x3+(0,1 - D10", f"network text, token 2, 'C4:3x3+(0,1': '3x3+(0,1' {WINDOW} {CONV}"),
        ("28x28x1 - C4 - MP2+2 - D10", f"network text, token 3, 'MP2+2': {PADDING} {MAX_POOL}"),
        ("28x28x1 - C4 - MP2/ - D10", f"network text, token 3, 'MP2/': {LAYER}"),
        (
            "28x28x1 - C4 - AP2+1 - D10",
            "network text, token 3, 'AP2+1': an average pool is not padded; leave +1 out",
        ),
        ("28x28x1 - C4%0 - D10", "network text, token 2, 'C4%0': has 0 groups; use at least 1"),
        (
            "28x28x1 - C4%3 - D10",
            "network text, token 2, 'C4%3': has 3 groups, which do not divide its 4 outputs; use a divisor of both",
        ),
        (
            "28x28x3 - C4%2 - D10",
            "network text, token 2, 'C4%2': has 2 groups, which do not divide its 3 input channels; use a divisor of "
            "both",
        ),
        ("28x28x1 - DW0 - D10", f"network text, token 2, 'DW0': {LAYER}"),
        ("28x28x1 - DW%2 - D10", f"network text, token 2, 'DW%2': {LAYER}"),
        ("28x28x2 - C4%2 - D10 - DW - D10", f"network text, token 4, 'DW': {BEHIND}"),
        ("28x28x1 - C4(1) - D10", f"network text, token 2, 'C4(1)': {FACTORS}"),
        ("28x28x1 - C4 - MP - D10", f"network text, token 3, 'MP': {LAYER}"),
        ("28x28x1 - C4 - MP0 - D10", f"network text, token 3, 'MP0': {LEAST} {MAX_POOL}"),
        ("28x28x1 - C4 - MP2/0 - D10", f"network text, token 3, 'MP2/0': {LEAST} {MAX_POOL}"),
        ("28x28x1 - MP2 - D10", f"network text, token 2, 'MP2': {POOL}"),
        ("28x28x1 - C4 - MP2 - MP2 - D10", f"network text, token 4, 'MP2': {POOL}"),
        ("28x28x1 - D4 - MP2 - D10", f"network text, token 3, 'MP2': {BEHIND}"),
        ("28x28x1 - C4 - D10 - C4:1x1 - D10", f"network text, token 4, 'C4:1x1': {BEHIND}"),
        *(
            (
                f"28x28x1 - C4 - {last}",
                f"network text, '{last}': the last layer must have weights; add one, such as ' - D10', or ' - C10:1x1' "
                "for scores of every place of the map",
            )
            for last in ("MP2", "GAP", "U2", "PS2", "PReLU")
        ),
        (
            "28x5x1 - C4:6x6 - D10",
            "network text, token 2, 'C4:6x6': a 6x6 window does not fit the 28x5 map in front of it; use a smaller "
            "one, or +same in a convolution",
        ),
        (
            "28x28x1 - C4 - C4:25x25 - MP3 - D10",
            "network text, token 4, 'MP3': a 3x3 window does not fit the 2x2 map in front of it; use a smaller one, "
            "or +same in a convolution",
        ),
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
        (
            "32x32x3 - C64(16,28) - D10",
            "layer 1, C64(16,28): SIMD=28 is more than the layer's 27 inputs; use 1 to 27",
        ),
        (
            "32x32x3 - C6:5x5/2 - MP2 - C64(1,55) - D10",
            "layer 3, C64(1,55): SIMD=55 is more than the layer's 54 inputs; use 1 to 54",
        ),
        (
            "4x4x3 - C5 - D10(1,21)",
            "layer 2, D10(1,21): SIMD=21 is more than the layer's 20 inputs; use 1 to 20",
        ),
        (
            "4x4x6 - DW(4,1) - D10",
            "layer 1, C6%6(4,1): PE=4 for 6 groups of 1 outputs; use one of 1, 2, 3, 6",
        ),
        (
            "4x4x6 - C12%3(8,1) - D10",
            "layer 1, C12%3(8,1): PE=8 for 3 groups of 4 outputs; use one of 1, 2, 4, 12",
        ),
        ("4x4x6 - DW(6,10) - D10", "layer 1, C6%6(6,10): SIMD=10 is more than the layer's 9 inputs; use 1 to 9"),
        ("4x4x3 - C5(0,3) - D10", "layer 1, C5(0,3): PE=0; use at least 1"),
    ],
)
def test_impossible_foldings(text, message):
    with pytest.raises(FoldingError) as refusal:
        parse(text)
    assert str(refusal.value) == message


def test_more_elements_than_rows_are_legal():
    assert parse("4x4x1 - D10(16,4)").layers[0].folding == Folding(16, 4)


@given(st.text(alphabet="0123456789xDCWMP%:/+same(),- \n٣²", max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        architecture = parse(text)
    except (NotationError, FoldingError):
        return
    assert parse(str(architecture)) == architecture


ARCH_2 = (
    "32x32x3 - C64(16,3) - C64(32,32) - MP2 - C128(16,32) - C128(16,32) - MP2 - C256(4,32) - C256(1,32) - "
    "D512(1,4) - D512(1,8) - D10(4,1)"
)
ARCH_3 = (
    "224x224x3 - C96(32,33):11x11/4 - MP3/2 - C256(64,25):5x5 - MP3/2 - C384(64,54):3x3+same - C384(64,36):3x3+same "
    "- C256(64,36):3x3+same - MP3/2 - D4096(128,64) - D4096(128,64) - D1000(40,50)"
)


def test_a_convolutional_network_with_all_its_shapes():
    arch = parse(ARCH_2)
    assert str(arch) == ARCH_2
    assert arch.shapes == (
        (32, 32, 3), (30, 30, 64), (28, 28, 64), (14, 14, 64), (12, 12, 128), (10, 10, 128), (5, 5, 128), (3, 3, 256),
        (1, 1, 256), (1, 1, 512), (1, 1, 512), (1, 1, 10),
    )  # fmt: skip
    weighted = [index for index, layer in enumerate(arch.layers) if not isinstance(layer, PoolText)]
    assert [arch.inputs_of(index) for index in weighted] == [27, 576, 576, 1152, 1152, 2304, 256, 512, 512]
    assert arch.weighted == tuple(arch.layers[index] for index in weighted)
    assert (arch.samples, arch.classes) == (3072, 10)
    assert arch.layers[0] == ConvText(64, Folding(16, 3), Window(3, 1))
    assert arch.layers[2] == PoolText(Window(2, 2))


def test_a_network_of_other_windows():
    arch = parse(ARCH_3)
    assert str(arch) == ARCH_3
    assert arch.shapes == (
        (224, 224, 3), (54, 54, 96), (26, 26, 96), (22, 22, 256), (10, 10, 256), (10, 10, 384), (10, 10, 384),
        (10, 10, 256), (4, 4, 256), (1, 1, 4096), (1, 1, 4096), (1, 1, 1000),
    )  # fmt: skip
    assert [arch.inputs_of(index) for index in (0, 2, 4, 5, 6, 8, 9, 10)] == [
        363, 2400, 2304, 3456, 3456, 4096, 4096, 4096,
    ]  # fmt: skip
    assert arch.layers[0] == ConvText(96, Folding(32, 33), Window(11, 4))
    assert arch.layers[1] == PoolText(Window(3, 2))
    assert arch.layers[4] == ConvText(384, Folding(64, 54), Window(3, 1, same=True))


@pytest.mark.parametrize(
    ("token", "canonical"),
    [
        ("C64(16,3)", "C64(16,3)"),
        ("C064( 16 ,3,2)", "C64(16,3,2)"),
        ("C64:3x3", "C64"),
        ("C64:3x3/1", "C64"),
        ("C64:03x3/01", "C64"),
        ("C64:3x3/2", "C64:3x3/2"),
        ("C64:3x3+same", "C64:3x3+same"),
        ("C64:1x1/1", "C64:1x1"),
        ("C96(32,33):11x11/4", "C96(32,33):11x11/4"),
        ("C64%4:3x3", "C64%4"),
        ("C64%1:3x3", "C64"),
        ("C064%04( 2,3):3x3+same", "C64%4(2,3):3x3+same"),
        ("DW:3x3", "DW"),
        ("DW1:3x3/2", "DW:3x3/2"),
        ("DW02(4,9):3x3+same", "DW2(4,9):3x3+same"),
        ("C4 - MP2/2", "C4 - MP2"),
        ("C4 - MP3", "C4 - MP3/2"),
        ("C4 - MP3/2", "C4 - MP3/2"),
        ("C4 - MP3/3", "C4 - MP3/3"),
        ("C4 - MP2/1", "C4 - MP2/1"),
        ("C4 - MP1", "C4 - MP1/2"),
    ],
)
def test_windows_have_one_spelling(token, canonical):
    text = f"40x40x4 - {canonical} - D10"
    assert str(parse(f"40x40x4 - {token} - D10")) == text
    assert str(parse(text)) == text


def test_a_window_may_be_as_large_as_its_map_and_larger_where_it_pads():
    assert parse("5x6x1 - C3:5x5 - D2").shapes[1] == (1, 2, 3)
    assert parse("5x6x1 - C3:9x9/2+same - D2").shapes[1] == (3, 3, 3)


def test_a_depthwise_layer_has_the_channels_in_front_of_it():
    arch = parse("8x8x3 - C4:3x3+same - DW2(8,9):3x3/2+same - MP2 - C6%2:1x1 - D2")
    assert arch.shapes == ((8, 8, 3), (8, 8, 4), (4, 4, 8), (2, 2, 8), (2, 2, 6), (1, 1, 2))
    assert arch.layers[1] == ConvText(8, Folding(8, 9), Window(3, 2, same=True), groups=4)
    assert [place.inputs for place in arch.places] == [27, 9, 0 + 8 * 16, 4, 24]
    assert str(arch.without_folding()) == "8x8x3 - C4:3x3+same - DW2:3x3/2+same - MP2 - C6%2:1x1 - D2"
    assert str(parse("4x4x2 - C4:1x1 - 2{ DW:3x3+same | }+ - D2")) == "4x4x2 - C4:1x1 - 2{ DW:3x3+same | }+ - D2"


def test_pools_keep_their_place_without_folding():
    arch = parse("9x9x1 - C4(1,2):2x2/2 - MP2 - D3(1,1)")
    assert str(arch.without_folding()) == "9x9x1 - C4:2x2/2 - MP2 - D3"
