"""Published resources and latencies of FINN's accelerators. They are data: nothing here is computed.

The bars of the paper's Figure 10 carry no numbers, so nothing of the paper stands here.
"""

from dataclasses import dataclass

BNN_PYNQ = "BNN-PYNQ"
FINN = "FINN"
PARTS = {"mnist": "xc7s50", "cifar10": "xc7z020", "svhn": "xc7z020", "imagenet": "xcvu095"}
"""The device of each data set in the paper's Table II."""


@dataclass(frozen=True)
class Hardware:
    """One published accelerator.

    Attributes:
        dataset: a key of `rebnet.reproduce.published.DATASETS`.
        source: who built it.
        name: its network, weights and activations in bits.
        part: the device.
        counts: LUT, FF, BRAM (36 kbit), DSP; None where none are published.
        latency_us: microseconds of one image; None where it is not published.
        origin: where the numbers are printed.
        note: what keeps them from being compared as they are.
    """

    dataset: str
    source: str
    name: str
    part: str
    counts: tuple[float, float, float, float] | None
    latency_us: float | None
    origin: str
    note: str


_REPORT = "github.com/Xilinx/BNN-PYNQ, bnn/src/network/{}/README.md, Vivado 2018.2"
_ABSTRACT = "Umuroglu et al., FPGA 2017 (arXiv:1612.07119), abstract"
_WHOLE = "whole design with its interfaces to the processor"
DEVICES = {"xc7z020": (53_200, 106_400, 140, 220)}
"""LUT, FF, BRAM (36 kbit) and DSP that the same reports print as available."""

HARDWARE: tuple[Hardware, ...] = (
    Hardware("mnist", BNN_PYNQ, "LFC W1A1", "xc7z020", (28_360, 33_470, 110, 4), None, _REPORT.format("lfcW1A1"),
             f"{_WHOLE}; layers of 1,024, not 256"),
    Hardware("mnist", BNN_PYNQ, "LFC W1A2", "xc7z020", (48_981, 45_338, 110, 4), None, _REPORT.format("lfcW1A2"),
             f"{_WHOLE}; layers of 1,024, not 256"),
    Hardware("mnist", FINN, "fastest, W1A1", "xc7z045", None, 0.31, _ABSTRACT, "12.3e6 images/s, another folding"),
    Hardware("cifar10", BNN_PYNQ, "CNV W1A1", "xc7z020", (26_072, 41_312, 124, 24), None, _REPORT.format("cnvW1A1"),
             _WHOLE),
    Hardware("cifar10", BNN_PYNQ, "CNV W1A2", "xc7z020", (40_321, 56_276, 131.5, 26), None, _REPORT.format("cnvW1A2"),
             _WHOLE),
    Hardware("cifar10", FINN, "CNV, fastest, W1A1", "xc7z045", None, 283, _ABSTRACT,
             "21,906 images/s, another folding"),
)  # fmt: skip
"""Every published accelerator, by data set."""
