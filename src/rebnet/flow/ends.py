"""Where `compile` ends, and what it is for: what is asked of it is checked before anything is made."""

from typing import get_args

from rebnet.choices import Shell, Stage
from rebnet.errors import OptionError


def check_ends(until: Stage, board: str | None, part: str | None, runtime_weights: bool) -> None:
    """Raise `OptionError` unless there is such a last stage that makes what is asked for, and one device at most."""
    if until not in get_args(Stage):
        raise OptionError(f"until={until!r}: use {' or '.join(get_args(Stage))}")
    if runtime_weights and until != "generate":
        raise OptionError(f"runtime_weights: is of RTL, and --until {until} makes none; leave one of them out")
    if board is not None and part is not None:
        raise OptionError(f"--board {board} and --part {part}: name one of them")


def widest_beat(shell: Shell | None, board: str | None, until: Stage) -> int:
    """Samples of the widest input beat that a shell takes on a board, if one is asked for; errors as of `compile`."""
    from rebnet.boards import find
    from rebnet.boards.shells import widest_beat_bits
    from rebnet.stages.ends import MAX_SAMPLES_PER_BEAT

    if shell is None:
        return MAX_SAMPLES_PER_BEAT
    if shell not in get_args(Shell):
        raise OptionError(f"shell={shell!r}: use {' or '.join(get_args(Shell))}")
    if until != "generate":
        raise OptionError(f"shell={shell}: stands around RTL, and --until {until} makes none; leave one of them out")
    bits = None if board is None else widest_beat_bits(shell, find(board))
    return MAX_SAMPLES_PER_BEAT if bits is None else min(bits // 8, MAX_SAMPLES_PER_BEAT)
