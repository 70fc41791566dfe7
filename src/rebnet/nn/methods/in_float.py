"""What hardware does not have: modules that stay in float at inference, and say so when they are exported."""

from torch import Tensor, nn
from torch.nn import functional

from rebnet.methods.activations import Activation, Real
from rebnet.methods.verdict import Verdict
from rebnet.nn.operations import Said


class InFloat(nn.Module):
    """A part that stays in float: it says no operation, and what to put in its place.

    Args:
        verdict: What it says of itself, of kind "H3".
    """

    def __init__(self, verdict: Verdict) -> None:
        super().__init__()
        self.verdict = verdict

    def refused(self, said: Said) -> Exception:
        """The error that says why, and the way out."""
        return said.error(self, f"{self.verdict.says}, which hardware does not have; {self.verdict.instead}")


class RealActivation(InFloat):
    """max(x, 0), of activations that are not binarized.

    Gradient: dL/dx = 1[x > 0]·dL/dy. Shapes: any in, the same out.
    """

    def __init__(self) -> None:
        super().__init__(Activation(Real()).verdicts[0][2])

    def forward(self, x: Tensor) -> Tensor:
        """Return the positive part."""
        return functional.relu(x)

    def operations(self, said: Said) -> Said:
        """None; raises `OptionError`."""
        raise self.refused(said)


def is_in_float(model: nn.Module) -> bool:
    """Whether a part of the model stays in float at inference."""
    return any(isinstance(module, InFloat) for module in model.modules())
