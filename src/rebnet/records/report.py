"""report.json: what the records of several builds say, one row a build."""

from rebnet.records.kinds import Count, Cycles, DatasetName, NetworkText, Percent
from rebnet.records.record import Record, form
from rebnet.records.training import LevelsOrFloat


@form
class Row(Record):
    """A build; accuracies in percent, images per second at the assumed clock, `weight_kib` of packed weights."""

    network: NetworkText
    dataset: DatasetName
    levels: LevelsOrFloat
    accuracy_float: Percent
    accuracy_integer: Percent
    accuracy_rtl: Percent
    images: Count
    mismatches: Count
    cycles_per_image: Cycles | None
    bound_cycles: Cycles
    images_per_second: Count | None
    weight_kib: float


@form
class Report(Record):
    """Rows of all builds, and the clock that is assumed, MHz."""

    clock_mhz_assumed: float
    rows: tuple[Row, ...]
