"""A bitstream for every board that open tools place, and what it measures: one record a board, in benchmarks/boards.

    REBNET_DATA_DIR=DIR python benchmarks/open_boards.py [--work build/open-boards] [--board icebreaker ...]

A network that fits and is worth having is taken from the zoo or trained, folded, evaluated on all test images,
synthesized, placed, routed with one seed, and packed. A board that has a record is not done again: take its file away.
Where a tool refuses, the record holds its sentence. One process at a time; all of it takes an hour on one core.
`tools/board_table.py` writes the records into docs/reference/boards.md.
"""

import argparse
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import netlist
from rebnet import boards, datasets, flow, zoo
from rebnet.boards.shells.uart.identity import Identity
from rebnet.errors import RebnetError
from rebnet.files import file_hash
from rebnet.records import Synthesis, Training, read, read_if_there
from rebnet.rtl.ports import read_ports
from rebnet.stages.folding import FOLDING_FILE
from rebnet.synthesize import SYNTHESIS_FILE

FOLDER = Path(__file__).parent / "boards"
SEED = 1
PLACE_S = 7200.0
LINE_BITS = 10
"""Bits of the serial line for a byte: one that starts, eight, one that stops."""
NETLIST_IMAGES = 20


@dataclass(frozen=True)
class Row:
    """What a board gets.

    Attributes:
        board: its name.
        network: `zoo:NAME`, or a text that is trained.
        dataset: of the network.
        target_cycles: most cycles an image that a balanced layer may take.
        levels: M of what is trained.
        epochs: of the training.
        netlist: the netlist that nextpnr is given is simulated too.
    """

    board: str
    network: str
    dataset: str
    target_cycles: int
    levels: int = 1
    epochs: int | None = None
    netlist: bool = False

    @property
    def folder(self) -> str:
        """Of the build, of a name that says what is in it."""
        network = self.network.removeprefix(zoo.PREFIX).replace(" ", "")
        return f"{self.board}-{network}-m{self.levels}-{self.target_cycles}"


# Small foldings where the serial line is the limit anyway; weights are in block RAM on every board, since the SPRAM of
# the iCE40 take no contents from a bitstream.
ROWS = (
    Row("icebreaker", "28x28x1 - D64 - D64 - D10", "mnist", 8192, epochs=40, netlist=True),
    Row("tang-nano-9k", "zoo:mnist-arch-1-m1", "mnist", 32768),
    Row("ulx3s-25", "zoo:mnist-arch-1-m3", "mnist", 8192),
    Row("colorlight-i5", "zoo:mnist-arch-1-m1", "mnist", 16384),
    Row("orangecrab-25", "zoo:mnist-arch-1-m1", "mnist", 16384),
    Row("ulx3s-45", "zoo:mnist-arch-1-m1", "mnist", 16384),
    Row("orangecrab-85", "zoo:mnist-arch-1-m1", "mnist", 16384),
    Row("ecpix-5-85", "zoo:mnist-arch-1-m1", "mnist", 16384),
    Row("tang-nano-20k", "zoo:mnist-arch-1-m2", "mnist", 32768),
    Row("ulx3s-85", "zoo:cifar10-resnet-20-m1", "cifar10", 262144),
)


def measured(row: Row, work: Path) -> dict[str, Any]:
    """The record of a row; its builds stay in `work`."""
    board, seconds = boards.find(row.board), dict[str, float]()
    build = work / row.folder
    said: dict[str, Any] = {
        "board": row.board,
        "part": board.part.order_code,
        "commit": _commit(),
        "dataset": row.dataset,
    }
    try:
        source = _trained(row, work, seconds)
        if not _is_placed(build):
            with _timed(seconds, "compile"):
                flow.compile(source, build, folding="balanced", target_cycles=row.target_cycles)
        said |= _network(row, build)
        with _timed(seconds, "evaluate"):
            evaluation = flow.evaluate(build, row.dataset, data_dir=_data_dir(), no_float=True)
        said["accuracy"] = evaluation["accuracy"]
        said |= _folding(build)
        if not _is_placed(build):
            flow.synthesize(
                build, board=row.board, place_and_route=True, seed=SEED, place_timeout=PLACE_S, timeout=PLACE_S,
                processes=1,
            )  # fmt: skip
        said |= _placed(build, int(said["cycles"]))
        if row.netlist:
            with _timed(seconds, "netlist"):
                said["netlist"] = _simulated(row, build, int(said["latency_cycles"]))
    except RebnetError as error:
        said["refused"] = str(error).replace(str(build), "BUILD")
    said["seconds"] = {name: round(took, 1) for name, took in seconds.items()} | said.get("seconds", {})
    return said


def _commit() -> str:
    """The checkout that the record is of; empty where there is none."""
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=7", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def _is_placed(build: Path) -> bool:
    """Whether a run that was ended left a bitstream, of which only the record is missing."""
    record = read_if_there(build / SYNTHESIS_FILE, Synthesis)
    return record is not None and record.place_and_route is not None


def _data_dir() -> str | None:
    return os.environ.get("REBNET_DATA_DIR")


def _trained(row: Row, work: Path, seconds: dict[str, float]) -> str | Path:
    """The row's network: of the zoo, or a run, which is trained once."""
    if row.network.startswith(zoo.PREFIX):
        return row.network
    run = work / "runs" / row.board
    if not (run / Training.FILE).exists():  # or goes on where it was ended
        with _timed(seconds, "train"):
            flow.train(
                row.network, row.dataset, row.levels, run, data_dir=_data_dir(), epochs=row.epochs, seed=0,
                resume=run.exists(), quiet=True,
            )  # fmt: skip
    return run


def _network(row: Row, build: Path) -> dict[str, Any]:
    training = read(build / Training.FILE, Training)
    return {
        "source": row.network if row.network.startswith(zoo.PREFIX) else f"trained here, {row.epochs} epochs, seed 0",
        "network": training.network,
        "levels": training.levels,
        "network_sha256": read_ports(build).inputs["network"],
    }


def _folding(build: Path) -> dict[str, Any]:
    record = json.loads((build / FOLDING_FILE).read_text(encoding="utf-8"))
    return {
        "folding": {
            layer["name"]: "{pe} PE, {simd} SIMD, {level_lanes} lanes".format(**layer) for layer in record["layers"]
        },
        "cycles": round(record["predicted_cycles_per_image"]),
        "latency_cycles": record["predicted_latency_cycles"],
    }


def _placed(build: Path, cycles: int) -> dict[str, Any]:
    """What the tools made of it; the accelerator's images/s are at the clock that the bitstream sets."""
    record = read(build / SYNTHESIS_FILE, Synthesis)
    placed, ports = record.place_and_route, read_ports(build)
    assert placed is not None
    assert placed.baud is not None
    identity = Identity.of(ports)
    height, width, channels = identity.image
    sent, answered = 1 + height * width * channels, identity.answers * identity.score_bytes + 1
    accelerator = 1e6 * placed.clock_mhz / cycles
    line = placed.baud / LINE_BITS / max(sent, answered)
    return {
        "counted": {key: value for key, value in record.total.items() if value is not None},
        "used": dict(placed.used.items()),
        "available": dict(placed.available.items()),
        "target_mhz": placed.target_mhz,
        "fmax_mhz": placed.fmax_mhz,
        "clock_mhz": placed.clock_mhz,
        "seed": placed.seed,
        "images_per_second": round(accelerator, 1),
        "baud": placed.baud,
        "line_images_per_second": round(min(line, accelerator), 1),
        "longest_path": None if placed.longest_path is None else placed.longest_path.in_words,
        "bitstream": Path(placed.bitstream).name,
        "bitstream_bytes": placed.bitstream_bytes,
        "bitstream_sha256": file_hash(build / placed.bitstream),
        "tools": list(placed.tools),
        "seconds": dict(placed.seconds),
    }


def _simulated(row: Row, build: Path, latency_cycles: int) -> dict[str, Any]:
    """What the netlist answered to the first test images, beside the law; they must be equal."""
    images = datasets.load(row.dataset, None if _data_dir() is None else Path(str(_data_dir()))).test_images
    images = images[:NETLIST_IMAGES]
    with TemporaryDirectory() as place:
        played = netlist.play(
            build, boards.find(row.board), images, Path(place), latency_cycles=latency_cycles, optimize="-Og"
        )
    expected = netlist.expected(build, images)
    equal = played.identity == Identity.of(read_ports(build)) and played.answers == expected
    return {"images": len(images), "bytes": len(expected), "equal": equal}


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.monotonic()
    try:
        yield
    finally:
        seconds[name] = time.monotonic() - start


def run(rows: Sequence[Row], work: Path, folder: Path = FOLDER) -> None:
    """Write the records that there are not yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        path = folder / f"{row.board}.json"
        if path.exists():
            print(f"{row.board}: has a record, {path}", flush=True)
            continue
        print(f"{row.board}: {row.network}", flush=True)
        record = measured(row, work)
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        told = record.get("refused") or f"{record['clock_mhz']} MHz, {record['images_per_second']:,} images/s"
        print(f"{row.board}: {told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/open-boards"), help="folder of runs and builds")
    parser.add_argument("--board", action="append", choices=[row.board for row in ROWS], help="only these")
    options = parser.parse_args()
    run([row for row in ROWS if not options.board or row.board in options.board], options.work.resolve())


if __name__ == "__main__":
    main()
