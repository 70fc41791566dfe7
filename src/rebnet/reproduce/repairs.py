"""The rows of the repair study as data: what each changes of the baseline, and whose idea that is.

Source: de Putter, Corporaal, "How to train accurate BNNs for embedded systems?" (arXiv:2206.12322), which trains repair
methods one by one on ResNet-20 with CIFAR-10 and on ResNet-18 with CIFAR-100, and finds three of their categories most
beneficial: feature binarizer, feature normalization, double residual. Only its abstract could be read while this was
written: which methods stand for a category, the baseline and the training are chosen here. Feature normalization is
read as what is done to features in front of their sign; BatchNorm, which is part of that, stands there in every row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rebnet.errors import OptionError
from rebnet.ir.architecture import Architecture, Weights
from rebnet.ir.notation import parse
from rebnet.methods import METHODS, REBNET
from rebnet.methods.behind import Bend
from rebnet.methods.method import Method

Shortcuts = Literal["block", "convolution", "none"]
"""What has a shortcut around it: every block of two convolutions, every convolution, or nothing."""

BASELINE = "baseline"
TOGETHER = "together"
SEVERAL = "several at once"
"""Category of methods that change more than one thing, which says nothing about any of them."""
FINDINGS = ("feature binarizer", "feature normalization", "double residual")
"""The categories that the review found most beneficial."""
TEACHER = "float-teacher"
"""Name of the run of the float network that teaches."""


@dataclass(frozen=True)
class Repair:
    """One row: a training that differs from the baseline.

    Attributes:
        name: of the row and of the folder of its run.
        category: of the review, or here where the review's abstract names none.
        changes: what is different, in words.
        source: the paper that it is of.
        shortcuts: the network's.
        bend: nonlinearity behind every layer, where the method brings none.
        method: a name of `rebnet.methods`.
        recipe: fields of `rebnet.train.recipe.Recipe` that differ from the benchmark's.
        levels: M.
        seed: of the training.
        taught: whether the float network of the baseline teaches.
    """

    name: str
    category: str
    changes: str
    source: str
    shortcuts: Shortcuts = "block"
    bend: Bend | None = None
    method: str = REBNET.name
    recipe: Mapping[str, Any] = field(default_factory=dict)
    levels: int = 1
    seed: int = 0
    taught: bool = False

    @property
    def touches(self) -> frozenset[str]:
        """What two rows must not both change to be put together."""
        touched = set(self.recipe)
        if self.shortcuts != "block":
            touched.add("shortcuts")
        if self.bend is not None:
            touched.add("bend")
        if self.method != REBNET.name:
            touched |= {"method", "estimator", "optimizer"}
            touched |= {"bend"} if METHODS[self.method].nonlinearity is not None else set()
        return frozenset(touched)


def _seed(seed: int) -> Repair:
    return Repair(f"{BASELINE}-{seed}", BASELINE, f"nothing, seed {seed}", "", seed=seed)


_STAGES = [{"binary": "activations", "epochs": 1}, {"binary": "all", "epochs": 1}]

SINGLE: tuple[Repair, ...] = (
    _seed(0),
    _seed(1),
    _seed(2),
    Repair("polynomial", "feature binarizer", "slope 2 - 2|x| of signs", "arXiv:1808.00278",
           recipe={"estimator": "polynomial"}),
    Repair("ede", "feature binarizer", "slope of signs that grows sharper", "arXiv:1909.10788",
           recipe={"estimator": "ede"}),
    Repair("learned-thresholds", "feature normalization", "a trained threshold a channel", "arXiv:2003.03488",
           method="reactnet-signs"),
    Repair("shortcut-each", "double residual", "a shortcut around every convolution", "arXiv:1808.00278",
           shortcuts="convolution"),
    Repair("shortcut-none", "fewer residuals", "no shortcut", "arXiv:1512.03385", shortcuts="none"),
    Repair("dorefa-net", "scaling factor", "weights times the mean size of the layer", "arXiv:1606.06160",
           method="dorefa-net"),
    Repair("xnor-net-alpha", "scaling factor", "weights times the mean size of the channel", "arXiv:1603.05279",
           method="xnor-net-alpha"),
    Repair("xnor-net", "scaling factor", "the same, and sums times the mean size in the window", "arXiv:1603.05279",
           method="xnor-net"),
    Repair("scale-channels", "scaling factor", "a trained scale a channel", "arXiv:1909.13863",
           method="xnor-net-plus-plus-channels"),
    Repair("scale-places", "scaling factor", "a trained scale of channel, row and column", "arXiv:1909.13863",
           method="xnor-net-plus-plus"),
    Repair("prelu", "activation function", "PReLU behind every layer", "arXiv:2003.11535", bend=Bend()),
    Repair("rprelu", "activation function", "RPReLU behind every layer", "arXiv:2003.03488", bend=Bend(shifts=True)),
    Repair("teacher", "teacher", "half of the loss is a float network's scores", "arXiv:1503.02531", taught=True,
           recipe={"distillation": 0.5}),
    Repair("attention", "teacher", "the same, and where its blocks look", "arXiv:2003.11535", taught=True,
           recipe={"distillation": 0.5, "attention": 1.0}),
    Repair("two-stage", "two-stage training", "activations are binary first, then weights", "arXiv:2003.11535",
           recipe={"stages": _STAGES}),
    Repair("bop", "optimizer", "weights turn, without latent ones", "arXiv:1906.02107",
           recipe={"optimizer": "bop"}),
    Repair("sgd", "optimizer", "momentum in place of Adam", "", recipe={"optimizer": "sgd", "peak_learning_rate": 0.1}),
    Repair("weight-decay", "regularization", "latent weights decay, 1e-4", "",
           recipe={"weight_decay": 1e-4}),
    Repair("label-smoothing", "regularization", "a tenth of the target on all classes", "",
           recipe={"label_smoothing": 0.1}),
    Repair("ends-8-bit", "first and last layer", "8-bit weights of both", "",
           recipe={"first_weight_bits": 8, "last_weight_bits": 8}),
    Repair("bi-real-net", SEVERAL, "Bi-Real Net's signs and weights", "arXiv:1808.00278", method="bi-real-net"),
    Repair("ir-net", SEVERAL, "IR-Net's signs and weights", "arXiv:1909.10788", method="ir-net"),
    Repair("reactnet", SEVERAL, "ReActNet's signs, weights and RPReLU", "arXiv:2003.03488", method="reactnet"),
    Repair("adabin-centred", SEVERAL, "AdaBin's sets, weights about 0", "arXiv:2208.08084", method="adabin-centred"),
    Repair("squeeze-excite", SEVERAL, "a gate of each image and PReLU", "arXiv:2003.11535", method="real-to-binary"),
)  # fmt: skip
"""The baseline and each method alone."""
LEVELS = (1, 2, 3)
"""Residual levels of the best three together."""


@dataclass(frozen=True)
class Benchmark:
    """A data set and its network, with each kind of shortcuts.

    Attributes:
        title: as a table shows it.
        networks: texts.
        recipe: of every row, but for the epochs: fields of `rebnet.train.recipe.Recipe`.
    """

    title: str
    networks: Mapping[Shortcuts, str]
    recipe: Mapping[str, Any]

    def network(self, repair: Repair) -> Architecture:
        """The network of a row, as its training records it."""
        network = parse(self.networks[repair.shortcuts])
        bits = [repair.recipe.get(f"{end}_weight_bits", 0) for end in ("first", "last")]
        network = network.with_weights(None, *(Weights("w", one) if one else None for one in bits))
        if repair.bend is not None:
            network = Method("", "", "", nonlinearity=repair.bend).applied(network)
        return METHODS[repair.method].applied(network)


def _residual(image: str, channels: tuple[int, ...], blocks: int, classes: int) -> dict[Shortcuts, str]:
    """A residual network; every stage but the first halves the map."""
    texts: dict[Shortcuts, str] = {}
    for shortcuts in ("block", "convolution", "none"):
        parts = [image, f"C{channels[0]}:3x3+same"]
        for stage, outputs in enumerate(channels):
            parts += _stage(shortcuts, outputs, blocks, halves=stage > 0)
        texts[shortcuts] = " - ".join([*parts, "GAP", f"D{classes}"])
    return texts


def _stage(shortcuts: Shortcuts, outputs: int, blocks: int, *, halves: bool) -> list[str]:
    plain, first, beside = f"C{outputs}:3x3+same", f"C{outputs}:3x3/2+same", f"C{outputs}:1x1/2"
    if shortcuts == "none":
        return [first if halves else plain, *[plain] * (2 * blocks - 1)]
    inside = plain if shortcuts == "convolution" else f"{plain} - {plain}"
    begin = first if shortcuts == "convolution" else f"{first} - {plain}"
    times = (2 * blocks if shortcuts == "convolution" else blocks) - halves
    head = [f"{{ {begin} | {beside} }}+"] if halves else []
    return [*head, *([f"{times if times > 1 else ''}{{ {inside} | }}+"] if times else [])]


_CIFAR = {
    "batch_size": 100, "peak_learning_rate": 5e-3, "warmup_steps": 500, "shift_pixels": 4, "flip": True,
    "estimator": "clip", "validation_fraction": 0.2, "precision": "bfloat16",
}  # fmt: skip
"""A fifth of the training images is held out: on 10,000 of CIFAR-10 a difference of a point is no longer chance."""
FILE = "npz:"
BENCHMARKS: Mapping[str, Benchmark] = {
    "cifar10": Benchmark("ResNet-20 on CIFAR-10", _residual("32x32x3", (16, 32, 64), 3, 10), _CIFAR),
    FILE: Benchmark("ResNet-18 on CIFAR-100", _residual("32x32x3", (64, 128, 256, 512), 2, 100), _CIFAR),
    "digits": Benchmark(
        "three convolutions on digits",
        _residual("8x8x1", (8,), 1, 10),
        {"batch_size": 50, "warmup_steps": 100, "validation_fraction": 0.2},
    ),
}
"""By data set: the review's two, CIFAR-100 in a file of one's own, npz:FILE; and a small one, over in minutes."""


def benchmark_of(dataset: str) -> Benchmark:
    """The benchmark of a data set.

    Raises:
        OptionError: There is none.
    """
    found = BENCHMARKS.get(FILE if dataset.startswith(FILE) else dataset)
    if found is None:
        known = ", ".join(name + "FILE" if name == FILE else name for name in BENCHMARKS)
        raise OptionError(f"dataset={dataset!r}: the repair study has {known}; use one of these")
    return found


def together(best: tuple[Repair, ...], levels: int) -> Repair:
    """Rows put together, at M levels."""
    changed = [one.shortcuts for one in best if one.shortcuts != "block"]
    return Repair(
        f"{TOGETHER}-m{levels}",
        TOGETHER,
        " + ".join(one.name for one in best),
        "",
        shortcuts=changed[0] if changed else "block",
        bend=next((one.bend for one in best if one.bend is not None), None),
        method=next((one.method for one in best if one.method != REBNET.name), REBNET.name),
        recipe={name: value for one in best for name, value in one.recipe.items()},
        levels=levels,
        taught=any(one.taught for one in best),
    )


def best_three(gains: Mapping[str, float]) -> tuple[Repair, ...]:
    """The three rows that gain most, each of another category, that can be put together.

    Args:
        gains: points of validation accuracy over the baseline, by the name of the row.
    """
    chosen: list[Repair] = []
    for repair in sorted(SINGLE, key=lambda one: -gains[one.name]):
        apart = all(one.category != repair.category and not one.touches & repair.touches for one in chosen)
        if repair.category not in (BASELINE, SEVERAL) and apart and len(chosen) < 3:
            chosen.append(repair)
    return tuple(chosen)
