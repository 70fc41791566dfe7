"""What a training takes from finished runs: weights to start from, for example of M - 1 levels, or a teacher."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rebnet.datasets.dataset import VOID, Dataset, Labels
from rebnet.errors import DatasetError, FileFormatError, OptionError
from rebnet.files import file_hash
from rebnet.ir.notation import Architecture, parse
from rebnet.nn.any_levels import PerLevel, is_any_level, level_counts
from rebnet.nn.feature import NormFeature
from rebnet.nn.graph import steps
from rebnet.nn.linear import BinaryLayer
from rebnet.nn.load import load_model
from rebnet.nn.methods.scales import Scaled
from rebnet.nn.norm_sign import NormSign
from rebnet.nn.options import MODEL_FILE
from rebnet.nn.residual import ResidualSign
from rebnet.nn.two_slope import PReLU
from rebnet.records import Training, read
from rebnet.records.training import Told
from rebnet.train.losses.attention import check_attention

LEAST_SHARE = 2.0**-6
"""An increment is at least this share of its factor: snapped factors may just fail to be super-increasing."""

LEAST_DEVIATION = 1e-30
"""Of targets: what float32 can hold with all of its digits, also times the weight of a BatchNorm."""
MOST_MEAN = 2.0**16
"""Of targets, in deviations: it stands in the bias of a BatchNorm, and leaves the values 8 of float32's 24 bits."""


def last_norms(model: nn.Module) -> list[NormSign]:
    """The BatchNorms that give the scores: one, or of an any-level network one for each m."""
    last = steps(model)[-1].module
    norms = [last] if isinstance(last, NormSign) else list(last)  # type: ignore[call-overload]
    assert all(isinstance(norm, NormSign) for norm in norms)
    return norms


@torch.no_grad()
def start_with_shares_(model: nn.Module, labels: Labels) -> None:
    """Let the biases of the scores begin with the logarithms of the classes' shares of label maps.

    Places of most classes are rare. BatchNorm would begin with equal means, and first have to learn that; the idea is
    that of focal loss (Lin et al., arXiv:1708.02002, section 4.1).
    """
    for norm in last_norms(model):
        counts = np.bincount(labels[labels != VOID], minlength=norm.norm.num_features) + 1
        logarithms = torch.from_numpy(np.log(counts)).to(norm.norm.bias)
        norm.norm.bias.copy_(logarithms - logarithms.mean())


@dataclass(frozen=True)
class Scaling:
    """What targets are trained in: their deviations from the mean of each value, in its standard deviations.

    Attributes:
        mean: Shape (K,), float64.
        deviation: Shape (K,); 1 where all targets are equal.
    """

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, dataset: Dataset) -> "Scaling":
        """The scaling of the training targets of a data set, N x K or N x H x W x K.

        Raises:
            DatasetError: a value deviates by less than float32 can tell, from 0 or beside the value's mean.
        """
        flat, where = dataset.train_labels.reshape(-1, dataset.classes), f"data set {dataset.name}: value"
        constant = flat.max(axis=0) == flat.min(axis=0)
        mean, deviation = np.where(constant, flat[0], flat.mean(axis=0)), np.where(constant, 1.0, flat.std(axis=0))
        for place in np.flatnonzero(~constant).tolist():
            if deviation[place] < LEAST_DEVIATION:
                raise DatasetError(
                    f"{where} {place} of the targets deviates by {deviation[place]:.3g} from its mean, it must by at "
                    f"least {LEAST_DEVIATION:g}; choose a smaller unit"
                )
            if abs(mean[place]) > MOST_MEAN * deviation[place]:
                raise DatasetError(
                    f"{where} {place} of the targets deviates by {deviation[place]:.3g} from its mean, "
                    f"{mean[place]:.6g}, which may be {MOST_MEAN:,.0f} times as large at most; subtract it from them"
                )
        return cls(torch.from_numpy(mean), torch.from_numpy(deviation))

    def scaled(self, dataset: Dataset) -> Dataset:
        """The data set with such targets."""
        mean, deviation = self.mean.numpy(), self.deviation.numpy()
        parts = ((labels - mean) / deviation for labels in (dataset.train_labels, dataset.test_labels))
        return replace(dataset, **dict(zip(("train_labels", "test_labels"), parts, strict=True)))

    @torch.no_grad()
    def put_(self, model: nn.Module) -> None:
        """Let a model that gives scaled values give those of the targets."""
        for norm in last_norms(model):
            weight, bias = norm.norm.weight, norm.norm.bias
            weight.copy_(weight * self.deviation)
            bias.copy_(bias * self.deviation + self.mean)

    @torch.no_grad()
    def take_(self, model: nn.Module) -> None:
        """The inverse: for a model to start from."""
        for norm in last_norms(model):
            weight, bias = norm.norm.weight, norm.norm.bias
            weight.copy_(weight / self.deviation)
            bias.copy_((bias - self.mean) / self.deviation)


@torch.no_grad()
def start_from(
    model: nn.Module, described: Architecture, input_bits: int, run: Path, record: str, regression: bool = False
) -> Told:
    """Put the latent weights, BatchNorms and factors of the finished run `run` into `model`.

    Levels that the run did not have start with half the factor of the level before them; from one level or from a float
    network, all factors start as they would without a run. BatchNorms and factors of m levels come from those of an
    any-level run's own m levels, or else of all its levels.

    Args:
        model: A network of `rebnet.nn.build`.
        described: What it was built from.
        input_bits: Bits kept of each pixel.
        run: Folder of a training of the same network, with as many levels or fewer, or any-level.
        record: Name of the run's record in that folder.
        regression: Whether values are to be learned.

    Returns:
        What the new record says about the run: see `run_summary`.

    Raises:
        FileFormatError: `run` holds no finished training.
        OptionError: It is a training of another network or of more levels, or one of values and the other of classes.
    """
    trained, metadata = load_model(run)
    if (metadata.network, metadata.input_bits) != (str(described), input_bits):
        raise OptionError(
            f"{run}: holds {metadata.network} with {metadata.input_bits} input bits, this training is of {described} "
            f"with {input_bits}; start from a run of the same network"
        )
    if metadata.regression != regression:
        kinds = ("scores of classes", "values")
        raise OptionError(
            f"{run}: gives {kinds[metadata.regression]}, this training is of {kinds[regression]}; start from a run of "
            "the same kind"
        )
    levels = level_counts(model)[-1]
    if metadata.levels > levels and not is_any_level(trained):
        raise OptionError(
            f"{run}: has {metadata.levels} levels, this training has {levels}; start from a run of at most as many, or "
            "from an any-level one"
        )
    parts = dict(trained.named_children())
    for name, module in model.named_children():
        for wanted, given in _pairs(module, parts[name], levels) if name in parts else ():
            _take(wanted, given)
    return run_summary(run, record)


def _take(wanted: nn.Module, given: nn.Module) -> None:
    """Latent weights, BatchNorms and factors; what a training sets at its end is set at the end of this one."""
    norms = NormSign | NormFeature
    if isinstance(wanted, Scaled) and type(wanted) is not type(given):
        return
    if isinstance(wanted, norms) != isinstance(given, norms):  # a sign, and a ReLU of real activations
        return
    if isinstance(wanted, BinaryLayer) and isinstance(given, BinaryLayer) and wanted.binarizer is not None:
        wanted.weight.copy_(given.weight)
        return
    if not (isinstance(wanted, norms) and isinstance(given, norms)):  # a float network has no NormFeature
        wanted.load_state_dict(given.state_dict())
        if isinstance(wanted, PReLU):
            wanted.drop_grid()
        if isinstance(wanted, BinaryLayer) and wanted.planes is not None:
            wanted.planes.release_()
        return
    wanted.norm.load_state_dict(given.norm.state_dict())
    signs = [one.sign for one in (wanted, given) if isinstance(one, NormSign) and one.sign is not None]
    if len(signs) == 2:
        _take_factors(signs[0], signs[1].gammas.double().tolist())


def _pairs(module: nn.Module, before: nn.Module, levels: int) -> list[tuple[nn.Module, nn.Module]]:
    """What takes from what: at m levels from the run's m levels, or from as many as it has."""
    given = list(before) if isinstance(before, PerLevel) else [before]
    if not isinstance(module, PerLevel):
        return [(module, given[min(levels, len(given)) - 1])]
    return [(wanted, given[min(index, len(given) - 1)]) for index, wanted in enumerate(module)]


def load_teacher(run: Path, described: Architecture, attention: float = 0) -> nn.Module:
    """The network of the finished run `run`, in eval mode, to learn from; with `attention` its blocks teach too.

    Raises:
        FileFormatError: `run` holds no finished training.
        OptionError: It takes other images, knows another number of classes or answers on another map than `described`,
            or is a regression; or its blocks are to teach and do not belong to those of `described`.
    """
    model, metadata = load_model(run)
    taught = parse(metadata.network)
    if (taught.shapes[0], taught.answer.scores) != (described.shapes[0], described.answer.scores):
        raise OptionError(
            f"teacher {run}: holds {metadata.network}, this training is of {described}; take a run with images of the "
            "same shape and as many classes, which answers on a map of the same size"
        )
    if metadata.regression:
        raise OptionError(f"teacher {run}: is a regression, and this training learns scores of classes; train without")
    if attention:
        check_attention(f"teacher {run}", described, taught)
    return model.requires_grad_(False)


def run_summary(run: Path, record: str) -> Told:
    """What a record says about another run: all that `rebnet.train.again` needs to train it once more.

    Raises:
        FileFormatError: `run` holds no finished training.
    """
    saved = read(run / record, Training, needs=("seed", "epochs"))
    if saved.made_from.get("model", file_hash(run / MODEL_FILE)) != file_hash(run / MODEL_FILE):
        raise FileFormatError(
            f"{run / record}: tells of another training than the one that made {MODEL_FILE} beside it; train it again"
        )
    return saved.told


def _take_factors(module: ResidualSign, gammas: list[float]) -> None:
    if len(gammas) <= 1:
        return  # BatchNorm behind the next layer cancels a single factor, so it says nothing about the scale of z
    gammas = gammas[: module.levels]
    gammas = gammas + [gammas[-1] / 2 ** (index + 1) for index in range(module.levels - len(gammas))]
    later = 0.0
    increments = []
    for gamma in reversed(gammas):
        increments.append(max(gamma - later, LEAST_SHARE * gamma))
        later += gamma
    module.log_increments.copy_(torch.tensor(increments[::-1]).log())
