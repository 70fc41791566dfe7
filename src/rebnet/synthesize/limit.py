"""A limit that was asked for when the folding was chosen, held against what synthesis counted."""

from pathlib import Path

from rebnet import boards
from rebnet.boards import Part, Resources
from rebnet.records import read_if_there
from rebnet.records.folding import Asked
from rebnet.records.synthesis import Excess, Limit
from rebnet.stages.folding import FOLDING_FILE


def limit_record(build: Path, part: Part, counted: Resources) -> Limit | None:
    """The `limit` entry of synthesis.json; None where none was asked for, or for another part.

    Args:
        build: folder whose folding.json may hold a limit.
        part: that `counted` is for.
        counted: what the accelerator takes.

    Raises:
        FileFormatError: folding.json is damaged.
        OptionError: it names a part that there is not.
    """
    asked = read_if_there(build / FOLDING_FILE, Asked)
    if asked is None or asked.limit is None:
        return None
    name, percent = asked.limit
    meant = boards.find(name).part
    if (meant.name, meant.device) != (part.name, part.device):
        return None
    exceeded = tuple(
        Excess(resource=key, needed=used, allowed=percent * has / 100, percent=round(100 * used / has, 2))
        for key, (used, has) in _shares(part, counted).items()
        if has and used > percent * has / 100
    )
    return Limit(max_utilisation=percent, within=not exceeded, exceeded=exceeded)


def _shares(part: Part, counted: Resources) -> dict[str, tuple[float, int]]:
    """Needed and available, as `Part.usage`, but that half a block RAM is a half: so the search counts them."""
    usage: dict[str, tuple[float, int]] = dict(part.usage(counted))
    if part.family in ("xc7", "xcup"):
        usage["BRAM"] = counted.bram, part.device.bram_36k
    return usage
