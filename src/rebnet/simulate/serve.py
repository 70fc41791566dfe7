"""A simulator that stays up: images go in on its standard input, scores come out, until its owner has done with it."""

import json
import os
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import RebnetError, ToolError
from rebnet.simulate.run import Streams, command_of, error_of, launch
from rebnet.swap import scratch

_BATCH_BYTES = 1 << 24  # most bytes of images that are handed over at once


class Server:
    """One copy of an accelerator in a process of its own, which starts with the first images.

    It ends with `end`, with this process, and with whatever comes in the midst of an answer, such as Ctrl-C; the next
    images start another one.

    Args:
        program: the built simulator.
        streams: the accelerator's streams.
        write: puts its memory images into a folder, each time that it starts.
        stalls: seed of random idle and backpressure, None for none.
    """

    def __init__(
        self, program: Path, streams: Streams, write: Callable[[Path], None], stalls: int | None = None
    ) -> None:
        options = {"--serve": 1, "--sink-beats": -1, "--watch": "no channel", "--trace": os.devnull}
        self._command = command_of(program, streams, -1 if stalls is None else stalls, options)
        self._streams, self._write = streams, write
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, images: NDArray[np.uint8], levels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Scores (images, scores of one) of images (images, samples), each at its levels.

        Raises:
            StallError: no beat moved any more; names the channel and its state.
            SimulationError: a stream broke its rules.
            ToolError: the simulator died, or cannot be run.
        """
        scores = np.zeros((len(images), self._streams.classes), dtype=np.int64)
        batch = max(1, _BATCH_BYTES // self._streams.samples)
        try:
            for first in range(0, len(images), batch):
                part = slice(first, first + batch)
                scores[part] = self._exchange(images[part], levels[part])
        except BaseException:
            self.end()
            raise
        return scores

    def end(self) -> None:
        """End the process, if there is one."""
        self._process = None
        self._running.close()

    def _exchange(self, images: NDArray[np.uint8], levels: NDArray[np.uint8]) -> NDArray[np.int64]:
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(len(images).to_bytes(8, "little") + levels.tobytes())
            process.stdin.write(np.ascontiguousarray(images).tobytes())
            process.stdin.flush()
        except BrokenPipeError:
            raise _died(process) from None
        self._wait(process, process.stdout)
        size = 8 * (self._streams.classes + 1)
        data = process.stdout.read(len(images) * size)
        if len(data) != len(images) * size:
            raise _died(process)
        return np.frombuffer(data, dtype="<i8").reshape(len(images), -1)[:, :-1]

    def _start(self) -> "subprocess.Popen[bytes]":
        folder = self._running.enter_context(scratch("mem"))
        self._write(folder)
        self._process = self._running.enter_context(launch(self._command, folder, stdin=subprocess.PIPE))
        return self._process

    def _wait(self, process: "subprocess.Popen[bytes]", answers: IO[bytes]) -> None:
        """Read lines until the one after which the records come."""
        for line in answers:
            if not line.startswith(b"{"):
                continue  # words of the simulator itself
            said: dict[str, Any] = json.loads(line)
            if "error" in said:
                raise error_of(said, self._streams)
            if "batch" in said:
                return
        raise _died(process)


def _died(process: "subprocess.Popen[bytes]") -> RebnetError:
    status = process.wait()
    return ToolError(f"the simulator ended with status {status} before its work was done; predict again starts another")
