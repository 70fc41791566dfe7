"""What synthesis counted for a build, as numbers that know where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rebnet.errors import FileFormatError
from rebnet.files import read_record

RESOURCES = ("LUT", "FF", "BRAM", "DSP")
"""BRAM is in blocks of 36 kbit, two of 18 kbit counted as one."""
_KEYS = ("LUT", "FF", "BRAM_36K", "BRAM_18K", "DSP")
_NUMBER = (int, float)


@dataclass(frozen=True)
class Utilisation:
    """Resources of one accelerator and of the device that it was synthesised for, by the names of `RESOURCES`.

    Attributes:
        part: the device.
        tool: what counted.
        used: counts.
        device: what the device has.
        origin: the record.
    """

    part: str
    tool: str
    used: Mapping[str, float]
    device: Mapping[str, float]
    origin: str

    def share(self, resource: str) -> float | None:
        """Percent of the device; None where the device has none."""
        return 100 * self.used[resource] / self.device[resource] if self.device[resource] else None


def read_utilisation(name: str, folder: Path) -> Utilisation | None:
    """The synthesis.json in `folder`; None where there is none.

    Raises:
        FileFormatError: the record is damaged or edited into nonsense.
    """
    path = folder / "synthesis.json"
    if not path.is_file():
        return None
    record = read_record(path, {"part": str, "tool": str, "total": dict, "device": dict})
    counted = {key: _counts(path, key, record[key]) for key in ("total", "device")}
    origin = f"{name}/synthesis.json total, {record['tool']}"
    return Utilisation(record["part"], record["tool"], counted["total"], counted["device"], origin)


def _counts(path: Path, key: str, values: Mapping[str, object]) -> dict[str, float]:
    found: dict[str, float] = {}
    for resource in _KEYS:
        value = values.get(resource)
        if not isinstance(value, _NUMBER) or isinstance(value, bool) or value < 0:
            raise FileFormatError(
                f"{path}: {key}.{resource} holds {value!r}, it must hold a number of at least 0; synthesise again"
            )
        found[resource] = value
    return {
        "LUT": found["LUT"],
        "FF": found["FF"],
        "BRAM": found["BRAM_36K"] + found["BRAM_18K"] / 2,
        "DSP": found["DSP"],
    }
