"""The form of every record: what it must hold, what it may hold, and in which range.

A record lacks what an older rebnet, or another way to make it, leaves out; those keys are under `may`. What all
readers need is under `must`. docs/reference/records.md says what each key means.
"""

from collections.abc import Mapping

from rebnet.records.form import Each, Either, Flag, Form, Keys, Many, Maybe, Nested, Number, Options, Text, Whole
from rebnet.request import VERBS

MAX_LEVELS = 8
RESOURCES = ("LUT", "FF", "BRAM_36K", "BRAM_18K", "DSP")
"""Keys of resources, wherever a record holds them."""

_COUNT = Whole()
_AMOUNT = Number(0, 10**12)
_CYCLES = Whole(1)
_LEVELS = Whole(1, MAX_LEVELS)
_PERCENT = Number(0, 100)
_LIMIT = Number(0, 100, above=True)
_NAME = Text(255)
_NETWORK = Text(100_000)
_DATASET = Text(10_000)  # npz:FILE
_HASHES = Each(Text(200))
_TOOL = Text(1000)
_REQUEST = Keys({"verb": Text(choices=VERBS), "options": Options()})
_RESOURCES = Keys(dict.fromkeys(RESOURCES, _AMOUNT))
_FACTORS = Nested(Number())  # of one level count, or a list for each
_EACH_M = Many(_PERCENT, 1, MAX_LEVELS)
_MODULE = Keys(dict.fromkeys(RESOURCES, _AMOUNT), {"module": _NAME, "name": _NAME, "count": _COUNT})
_MODULES = Either(Many(_MODULE), Each(_MODULE))

TRAINING = Keys(
    {"network": _NETWORK, "dataset": _DATASET, "levels": Whole(0, MAX_LEVELS), "test_accuracy": _PERCENT},
    {
        "inputs": _HASHES,
        "request": _REQUEST,
        "recipe": Keys({}, {"validation_fraction": Number(0, 1), "epochs": _CYCLES, "batch_size": _CYCLES}),
        "any_levels": Flag(),
        "input_bits": Whole(1, 8),
        "seed": Whole(0, 2**64),
        "epochs": _CYCLES,
        "device": _NAME,
        "processes": _CYCLES,
        "gain_bits": Whole(0, 64),
        "curve": Many(
            Keys(
                {"epoch": _CYCLES, "validation_accuracy": _PERCENT},
                {"loss": Number(), "learning_rate": Number(), "validation_accuracies": _EACH_M},
            ),
            1,
        ),
        "test_accuracies": _EACH_M,
        "validation_accuracy": _PERCENT,
        "validation_accuracies": _EACH_M,
        "class_names": Many(Text(1000), 1, 65_536),
        "gammas": Many(Many(_FACTORS, 0, MAX_LEVELS), 0, 10_000),
    },
)
COMPILE = Keys({"inputs": _HASHES, "request": _REQUEST})
NETWORK = Keys(
    {
        "name": _NETWORK,
        "levels": _LEVELS,
        "served": Many(_LEVELS, 1, MAX_LEVELS),
        "threshold_bits": Whole(1, 64),
        "input": Keys(dict.fromkeys(("height", "width", "channels"), _CYCLES) | {"bits": Whole(1, 8)}),
        "ops": Many(Keys({"op": _NAME}, {"name": _NAME, "of": Many(_NAME, 1, 64)}), 1, 10_000),
        "tensors_sha256": Text(200),
    },
    {"weight_bytes": _COUNT, "inputs": _HASHES, "outputs": Many(_NAME, 1, 64)},
)
_LAYER = Keys(
    {"name": _NAME, "pe": _CYCLES, "simd": _CYCLES, "level_lanes": _CYCLES},
    {"weight_style": Text(choices=("block", "distributed", "auto")), "cycles": _CYCLES},
)
FOLDING = Keys(
    {
        "levels": _LEVELS,
        "layers": Many(_LAYER, 1, 10_000),
        "fifos": Many(
            Keys({"name": _NAME, "depth": _CYCLES, "width_bits": _CYCLES, "predicted_peak": _COUNT}), 0, 100_000
        ),
        "samples_per_beat": Whole(1, 64),
        "bound_cycles": _CYCLES,
        "predicted_cycles_per_image": Number(1, 2**53),
        "predicted_latency_cycles": _CYCLES,
        "limiting_fifos": Many(_NAME),
    },
    {
        "inputs": _HASHES,
        "predicted_resources": Keys(
            {"part": _NAME, "total": _RESOURCES, "device": _RESOURCES},
            {"modules": _MODULES, "max_utilisation": Maybe(_LIMIT)},
        ),
        "search": Keys({}, {"board": _NAME, "max_utilisation": _LIMIT, "margin": Each(Number(0, 10**6))}),
    },
)
ASKED = Keys(
    {},
    {
        "search": Keys({"board": _NAME, "max_utilisation": _LIMIT}),
        "predicted_resources": Keys({"part": _NAME}, {"max_utilisation": Maybe(_LIMIT)}),
    },
)
"""Of folding.json, what was asked of a device."""
PORTS = Keys(
    {
        "top": _NAME,
        "files": Many(Text(4096), 1, 10_000),
        "memories": Many(Text(4096), 1, 100_000),
        "inputs": _HASHES,
        "clock": _NAME,
        "reset": Text(1000),
        "s_axis": Keys(
            {
                "tdata_bits": _CYCLES,
                "tuser_bits": _CYCLES,
                "samples_per_beat": Whole(1, 64),
                "beats_per_image": _CYCLES,
                "image": Many(_CYCLES, 3, 3),
            },
        ),
        "m_axis": Keys(dict.fromkeys(("tdata_bits", "tuser_bits", "score_bits", "beats_per_image"), _CYCLES)),
        "levels": Many(_LEVELS, 1, MAX_LEVELS),
    },
)
_CLASS = Whole(0, 2**20)
_CLASSES: Mapping[str, Form] = {
    "classes": Whole(1, 2**20),
    "class_names": Many(Text(), 0, 2**20),
    "class_images": Many(_COUNT, 1, 2**20),
    "class_correct": Many(_COUNT, 1, 2**20),
    "confusions": Many(Keys({"label": _CLASS, "prediction": _CLASS, "images": _CYCLES}), 0, 1000),
    "confusions_left_out": _COUNT,
    "wrong": Many(Keys({"index": _COUNT, "label": _CLASS, "prediction": _CLASS, "lead": _COUNT}), 0, 1000),
    "pictures": Keys({"sha256": Text(200), "columns": Whole(1, 64), "width": Whole(1, 64), "height": Whole(1, 64)}),
}
EVALUATION = Keys(
    {
        "dataset": _DATASET,
        "engine": Text(choices=("packed", "reference", "both")),
        "images": _CYCLES,
        "levels": _LEVELS,
        "accuracy": _PERCENT,
        "float_accuracy": _PERCENT,
    },
    {
        "inputs": _HASHES,
        "request": _REQUEST,
        "labels_differing": _COUNT,
        "mismatches": _COUNT,
        "images_per_second": Number(0, above=True),
        **_CLASSES,
    },
)
_POINT = Keys(
    {
        "thresholds": Many(Maybe(Whole()), 1, MAX_LEVELS),
        "test_accuracy": _PERCENT,
        "test_cycles": Number(1, 2**53),
        "test_answered": Many(_PERCENT, 1, MAX_LEVELS),
    },
    {
        "validation_accuracy": _PERCENT,
        "validation_cycles": Number(1, 2**53),
        "validation_answered": Many(_PERCENT, 1, MAX_LEVELS),
        "test_loss": Number(-100, 100),
        "test_cycles_to_first": Number(0, 2**53),
        "test_cycles_to_last": Number(0, 2**53),
    },
)
ADAPTIVE = Keys(
    {
        "ladder": Many(_LEVELS, 2, MAX_LEVELS),
        "rungs": Many(
            Keys({"levels": _LEVELS, "cycles": _CYCLES, "test_accuracy": _PERCENT}, {"validation_accuracy": _PERCENT}),
            2,
            MAX_LEVELS,
        ),
        "curve": Many(_POINT, 1),
        "operating_point": _POINT,
        "max_loss": _PERCENT,
        "test_images": _CYCLES,
    },
    {"dataset": _DATASET, "inputs": _HASHES, "request": _REQUEST, "validation_images": _CYCLES},
)
ONLINE = Keys(
    {
        "dataset": _DATASET,
        "images": _CYCLES,
        "levels": _LEVELS,
        "layers": Many(
            Keys(
                dict.fromkeys(("held_bits", "additions", "multiplications"), _COUNT),
                {
                    "name": _NAME,
                    "values": _CYCLES,
                    "passes": _LEVELS,
                    "online_mean": Many(Number(), 1, MAX_LEVELS),
                    "online_deviation": Many(Number(0), 1, MAX_LEVELS),
                },
            ),
            0,
            10_000,
        ),
        "trained_accuracy": _PERCENT,
        "online_accuracy": _PERCENT,
    },
    {"inputs": _HASHES, "request": _REQUEST, "online_accuracy_norms_kept": _PERCENT},
)
SIMULATION = Keys(
    {
        "dataset": _DATASET,
        "images": _CYCLES,
        "levels": Many(_LEVELS, 1, 100_000),
        "stalls": Maybe(Whole(0, 2**31 - 1)),
        "mismatches": _COUNT,
        "accuracy": _PERCENT,
        "cycles_per_image": Maybe(Number(1, 2**53)),
        "bound_cycles": Number(1, 2**53),
    },
    {
        "inputs": _HASHES,
        "request": _REQUEST,
        "latency_cycles": Maybe(_CYCLES),
        "fifo_peaks": Each(_COUNT),
        "simulated_cycles_per_second": _COUNT,
        "processes": _CYCLES,
        "edited": Many(Text(4096), 0, 100_000),
    },
)
SYNTHESIS = Keys(
    {"part": _NAME, "tool": _TOOL, "total": _RESOURCES, "device": _RESOURCES},
    {
        "inputs": _HASHES,
        "request": _REQUEST,
        "modules": _MODULES,
        "fmax_mhz": Maybe(Number(0, 100_000, above=False)),
        "limit": Maybe(
            Keys(
                {"max_utilisation": _LIMIT, "within": Flag()},
                {
                    "exceeded": Many(
                        Keys({"resource": _NAME, "needed": _AMOUNT, "allowed": _AMOUNT, "percent": _AMOUNT})
                    )
                },
            )
        ),
        "boards_that_fit": Many(_NAME, 0, 10_000),
        "board": _NAME,
        "family": _NAME,
        "fits": Flag(),
        "shortages": Many(Keys({"resource": _NAME, "needed": _AMOUNT, "available": _AMOUNT}), 0, 100),
        "utilisation": Each(Maybe(Number(0))),
        "seconds": Number(0),
    },
)

FORMS: Mapping[str, Form] = {
    "training.json": TRAINING,
    "compile.json": COMPILE,
    "network.json": NETWORK,
    "folding.json": FOLDING,
    "ports.json": PORTS,
    "evaluation.json": EVALUATION,
    "adaptive.json": ADAPTIVE,
    "online.json": ONLINE,
    "simulation.json": SIMULATION,
    "synthesis.json": SYNTHESIS,
}
"""By the file that holds it."""
