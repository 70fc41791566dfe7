"""What the records of a point say, as the figures of sweep.json."""

from collections.abc import Mapping
from pathlib import Path

from rebnet.records import Evaluation, Folding, Simulation, Synthesis, Training, read_if_there
from rebnet.records.sweep import Figures


def figures(made: Mapping[str, Path], seconds: float) -> Figures:
    """The figures of a point.

    Args:
        made: what each of its steps that are done made, by the verb.
        seconds: of these steps.
    """
    nowhere = Path("nowhere")
    training = read_if_there(made.get("train", nowhere) / Training.FILE, Training)
    folding = read_if_there(made.get("compile", nowhere) / Folding.FILE, Folding)
    evaluation = read_if_there(made.get("evaluate", nowhere) / Evaluation.FILE, Evaluation)
    simulation = read_if_there(made.get("simulate", nowhere) / Simulation.FILE, Simulation)
    synthesis = read_if_there(made.get("synthesize", nowhere) / Synthesis.FILE, Synthesis)
    predicted = folding.predicted_resources if folding else None
    total = synthesis.total if synthesis else None
    return Figures(
        float_accuracy=training.test_accuracy if training else evaluation.float_accuracy if evaluation else None,
        float_error=training.test_error if training else evaluation.float_error if evaluation else None,
        accuracy=evaluation.accuracy if evaluation else None,
        error=evaluation.error if evaluation else None,
        rtl_accuracy=simulation.accuracy if simulation else None,
        rtl_error=simulation.error if simulation else None,
        mismatches=simulation.mismatches if simulation else None,
        predicted_cycles_per_image=folding.predicted_cycles_per_image if folding else None,
        cycles_per_image=simulation.cycles_per_image if simulation else None,
        predicted_lut=predicted.total.LUT if predicted else None,
        LUT=total.LUT if total else None,
        BRAM=total.bram if total else None,
        DSP=total.DSP if total else None,
        fits=synthesis.fits if synthesis else None,
        seconds=round(seconds, 3),
    )
