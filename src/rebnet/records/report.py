"""report.json: what the records of several builds say, one row a build."""

from rebnet.records.kinds import Count, Cycles, DatasetName, Error, NetworkText, Percent
from rebnet.records.record import Record, form
from rebnet.records.training import LevelsOrFloat


@form
class Row(Record):
    """A build; accuracies in percent, images per second at the assumed clock, `weight_kib` of packed weights.

    Of a regression, errors in the place of accuracies.
    """

    network: NetworkText
    dataset: DatasetName
    levels: LevelsOrFloat
    accuracy_float: Percent | None = None
    accuracy_integer: Percent | None = None
    accuracy_rtl: Percent | None = None
    error_float: Error | None = None
    error_integer: Error | None = None
    error_rtl: Error | None = None
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
