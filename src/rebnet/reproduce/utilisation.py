"""What synthesis counted for a build, as numbers that know where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass

from rebnet.records import Synthesis
from rebnet.records.kinds import Counts

RESOURCES = ("LUT", "FF", "BRAM", "DSP")
"""BRAM is in blocks of 36 kbit, two of 18 kbit counted as one."""


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


def utilisation_of(name: str, record: Synthesis | None) -> Utilisation | None:
    """What the synthesis.json of the folder `name` counted; None where there is none."""
    if record is None:
        return None
    used, device = _counts(record.total), _counts(record.device)
    origin = f"{name}/synthesis.json total, {record.tool}"
    return Utilisation(record.part, record.tool, used, device, origin)


def _counts(found: Counts) -> dict[str, float]:
    return {
        "LUT": found.LUT,
        "FF": found.FF,
        "BRAM": found.bram,
        "DSP": found.DSP,
    }
