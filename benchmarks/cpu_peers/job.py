"""What one contestant is asked to do, and the ways in which it may."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from cpu_peers.described import Bytes, Described, Floats, function, relu
from rebnet.ir import storage
from rebnet.ir.network import Network

Call = Callable[[], object]
"""Runs the network on images that are in place already; gives the outputs, which the next call may overwrite."""

POOL = 256  # images that a contestant cycles through


@dataclass(frozen=True)
class Job:
    """One contestant of one cell of the table.

    Attributes:
        library: a name of `cpu_peers.contestant.LIBRARIES`.
        precision: "fp32", "bf16" or "int8"; "integer" or `with_rebnet.INSIDE` for rebnet.
        kind: "function" or "relu".
        build: folder of the lowered network.
        batch: images of a call.
        cores: processors to stay on; as many threads.
        quick: leave ways out that take long to prepare.
        cpu_time: count the process's time on its core instead of the time on the wall.
        instruction_set: rebnet's; None: the best that is here.
    """

    library: str
    precision: str
    kind: str
    build: str
    batch: int
    cores: tuple[int, ...]
    quick: bool
    cpu_time: bool = False
    instruction_set: str | None = None

    @property
    def threads(self) -> int:
        """Threads to use, one for each core."""
        return len(self.cores)

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> "Job":
        """From `text`."""
        fields = json.loads(text)
        return cls(**{**fields, "cores": tuple(fields["cores"])})


@dataclass(frozen=True)
class Way:
    """How a library runs the network: a choice of its own, and how many images it is given at a time."""

    choice: str
    images: int

    def __str__(self) -> str:
        return f"{self.choice}, {self.images} at a time"


class Work:
    """The network and the images of a job, as libraries ask for them."""

    def __init__(self, job: Job) -> None:
        self.job = job
        random = np.random.default_rng(1)
        self.network: Network = storage.load(Path(job.build))
        shape = self.network.input
        self.images: Bytes = random.integers(0, 256, (POOL, shape.height, shape.width, shape.channels), dtype=np.uint8)

    @cached_property
    def described(self) -> Described:
        """The network of the job's kind."""
        return function(self.network) if self.job.kind == "function" else relu(self.network)

    @cached_property
    def inputs(self) -> Floats:
        """All images as float32 inputs, N x channels x height x width or N vectors."""
        return self.described.values(self.described.arranged(self.images))

    def batches(self, way: Way) -> Sequence[slice]:
        """What each call takes of the images."""
        return [slice(start, start + way.images) for start in range(0, POOL, way.images)]
