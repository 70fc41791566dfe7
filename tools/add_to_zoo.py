"""Make a finished training a network that ships with the package.

    python tools/add_to_zoo.py RUN NAME [--data-dir DIR] [--into FOLDER]

Exports and lowers the run, evaluates the integer network on all test images of its data set, and writes
src/rebnet/zoo/NAME, or FOLDER/NAME: network.json and tensors.safetensors (the exported network), training.json and
evaluation.json.
"""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rebnet import build_folder, flow
from rebnet.files import read_json, write_record
from rebnet.ir import storage

KEPT = (
    *("schema", "inputs", "dataset", "engine", "images", "levels", "accuracy", "float_accuracy"),
    *("labels_differing", "labels_differing_float32", "images_per_second"),
)
"""Keys of evaluation.json that ship; the others are of single classes and images."""

OF_THE_MACHINE = ("data_dir", "start", "teacher")
"""Options of a training that name folders; the trainings that it began from are in its record, whole."""

ZOO = Path(__file__).parents[1] / "src" / "rebnet" / "zoo"


def main() -> None:
    """Export, lower, evaluate, copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--data-dir", type=Path, default=None)
    parser.add_argument("--into", type=Path, default=ZOO)
    options = parser.parse_args()
    dataset = str(read_json(options.run / "training.json")["dataset"])
    with TemporaryDirectory() as place:
        build = Path(place) / "build"
        flow.compile(options.run, build, until="lower")
        flow.evaluate(build, dataset, data_dir=options.data_dir)
        folder = options.into / options.name
        shutil.rmtree(folder, ignore_errors=True)
        storage.save(replace(storage.load(build / build_folder.EXPORTED), name=options.name), folder)
        training = read_json(build / "training.json")
        asked = training["request"]["options"]
        asked |= {name: None for name in OF_THE_MACHINE if name in asked}
        write_record(folder / "training.json", training)
        evaluation = read_json(build / "evaluation.json")
        write_record(folder / "evaluation.json", {key: evaluation[key] for key in KEPT})
    print((folder / "evaluation.json").read_text())


if __name__ == "__main__":
    main()
