"""What every shell asks of an accelerator's streams."""

from rebnet.errors import OptionError
from rebnet.records import Ports


def check_beats(ports: Ports) -> None:
    """Raise `OptionError` where an accelerator gives several scores a beat: shells take one."""
    if ports.m_axis.scores_per_beat:
        raise OptionError(
            f"the accelerator gives {ports.m_axis.scores_per_beat} scores a beat, because its last layer is unrolled, "
            "and a shell takes one; give the last layer weight_style 'auto' in folding.json"
        )
