"""Windows of all kinds: square and not, with and without padding on each side."""

from hypothesis import strategies as st

from rebnet.spec.window import Window


@st.composite
def any_windows(draw, kernels=5, strides=6, padded=True):
    """Kernel and stride of each axis, and 'same', padding by so many places, or none."""
    one = draw(st.booleans())
    kernel, stride = draw(st.integers(1, kernels)), draw(st.integers(1, strides))
    kernel = (kernel, kernel if one else draw(st.integers(1, kernels)))
    stride = (stride, stride if one else draw(st.integers(1, strides)))
    kind = draw(st.sampled_from(["none", "same", "pads"] if padded else ["none"]))
    if kind != "pads":
        return Window(kernel, stride, same=kind == "same")
    rows, columns = (tuple(draw(st.integers(0, size - 1)) for _ in range(2)) for size in kernel)
    return Window(kernel, stride, pads=(rows, columns))


def enlarged(window, height, width):
    """A map's size, or the least one that holds a window along an axis where it would hold none."""
    if window.same:
        return height, width
    least = (kernel - sum(pads) for kernel, pads in zip(window.kernel, window.pads, strict=True))
    return tuple(max(1, size, needed) for size, needed in zip((height, width), least, strict=True))


def axis_starts(window, axis, size):
    """Where the windows of an axis begin, in coordinates of the unpadded map."""
    kernel, stride = window.kernel[axis], window.stride[axis]
    before, after = window.pads[axis]
    if window.same:
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        before, after = total // 2, total - total // 2
    return range(-before, size + after - kernel + 1, stride)
