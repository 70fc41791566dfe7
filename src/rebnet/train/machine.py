"""On what a training runs: what, beside seed and settings, its weights depend on."""

import platform
from pathlib import Path
from typing import NamedTuple

import torch


class Machine(NamedTuple):
    """What a record tells: sums of floats depend on their order, and their order on these."""

    processor: str
    instructions: str
    threads: int
    torch: str


def machine(device: torch.device) -> Machine:
    """Processor, the instructions that torch uses of it, threads and version."""
    return Machine(
        torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        torch.backends.cpu.get_cpu_capability(),
        torch.get_num_threads(),
        torch.__version__,
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8", errors="replace").splitlines() if information.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
