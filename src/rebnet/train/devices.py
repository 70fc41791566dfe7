"""Devices, and the processes that train together: Lightning Fabric, and the sums over processes that training needs.

The same program runs alone, on a CPU or a GPU, and under `torchrun`, which starts it once per device and tells each
process its number through the environment; Fabric reads that, joins the processes and picks each one's device. Every
process holds the whole model and all training images, takes its slice of every batch, and ends a step with the same
weights, bit for bit, as the others: sums over processes come back equal to all.
"""

import atexit
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar, get_args

import torch
from torch import Tensor, nn
from torch.distributed import _functional_collectives as collectives

from rebnet.choices import Device
from rebnet.errors import MissingExtraError, OptionError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

T = TypeVar("T")
PATIENCE = timedelta(minutes=30)
"""A process waits so long for another one in a step; `torchrun` ends all of them earlier where one fails."""


def add_up(tensor: Tensor) -> Tensor:
    """The sum of `tensor` over all processes, as a new tensor, which compiled code can hold."""
    everyone = torch.distributed.group.WORLD
    assert everyone is not None
    summed: Tensor = collectives.wait_tensor(collectives.all_reduce(tensor, "sum", everyone))  # type: ignore[no-untyped-call]
    return summed


@dataclass(frozen=True, eq=False)
class Processes:
    """This process among those that train together.

    Attributes:
        device: Where this process computes.
        rank: Its number, from 0.
        count: How many there are.
        fabric: What joins them; None for a process alone.
    """

    device: torch.device
    rank: int = 0
    count: int = 1
    fabric: "Fabric | None" = None

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and speaks to the user."""
        return self.rank == 0

    @property
    def total(self) -> Callable[[Tensor], Tensor] | None:
        """`add_up`, or None where there is nothing to add."""
        return add_up if self.count > 1 else None

    def sum(self, value: Tensor) -> Tensor:
        """The sum of `value` over all processes."""
        return add_up(value) if self.count > 1 else value

    def share(self, items: int) -> slice:
        """This process's part of so many items, in order."""
        return slice(self.rank * items // self.count, (self.rank + 1) * items // self.count)

    @torch.no_grad()
    def average_gradients_(self, model: nn.Module) -> None:
        """Replace every gradient of `model` by its mean over the processes, all of them in one message."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        mean = self.sum(torch.cat([gradient.reshape(-1) for gradient in gradients])) / self.count
        parts = torch.split(mean, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))

    @torch.no_grad()
    def align_(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes the tensors of the first one."""
        if self.count == 1:
            return
        for tensor in tensors:
            torch.distributed.broadcast(tensor, 0)

    def tell(self, record: T | None) -> T:
        """What the first process holds as `record`."""
        told = record if self.fabric is None or self.count == 1 else self.fabric.broadcast(record)
        assert told is not None
        return told

    def first_alone(self, local: bool = False) -> AbstractContextManager[None]:
        """Run a block in the first process (`local`: of each machine) and then, however long it took, in the others."""
        return nullcontext() if self.fabric is None or self.count == 1 else self.fabric.rank_zero_first(local)

    @contextmanager
    def exact(self) -> Iterator[None]:
        """Where a GPU computes: convolutions whose float32 is float32 and that give the same bits every time."""
        if self.device.type != "cuda":
            yield
            return
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield


ALONE = Processes(torch.device("cpu"))
"""One process on the CPU."""


def connect(device: str) -> Processes:
    """Join the processes that `torchrun` started, or be alone; a process that is already joined stays so.

    Args:
        device: "cpu", "cuda", or "auto" for a CUDA GPU where torch finds one.

    Raises:
        OptionError: `device` is none of these, or this process finds no GPU of its own.
        MissingExtraError: Lightning Fabric is not installed.
    """
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.plugins.environments.lightning import LightningEnvironment
        from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
        from lightning_fabric.strategies.ddp import DDPStrategy
    except ImportError as error:
        raise MissingExtraError(
            "this needs Lightning Fabric, which is not installed; run: pip install 'rebnet[train]'"
        ) from error
    kind = _kind(device)
    if not TorchElasticEnvironment.detect():
        fabric = Fabric(accelerator=kind, devices=1, plugins=[LightningEnvironment()])
        fabric.launch()
        return Processes(fabric.device, fabric=fabric)
    environment = TorchElasticEnvironment()
    fabric = Fabric(
        strategy=DDPStrategy(
            parallel_devices=_devices(kind, environment.world_size(), environment.local_rank()),
            cluster_environment=environment,
            timeout=PATIENCE,
        )
    )
    fabric.launch()
    atexit.register(_leave)
    return Processes(fabric.device, fabric.global_rank, fabric.world_size, fabric)


def _leave() -> None:
    """End the threads of torch.distributed: an interpreter that ends before them is aborted now and then."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _kind(device: str) -> str:
    """The type of device that `device` asks for."""
    if device not in get_args(Device):
        raise OptionError(f"device={device!r}: no such device; use {', '.join(get_args(Device)[:-1])} or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise OptionError(
            "device='cuda': torch finds no CUDA GPU here; use cpu or auto, or install a torch that was built for "
            "the CUDA of this machine"
        )
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def _devices(kind: str, processes: int, local_rank: int) -> list[torch.device]:
    """Devices by local rank; as many as processes on all machines, which is what Fabric counts."""
    if kind == "cpu":
        return [torch.device("cpu")] * processes
    found = torch.cuda.device_count()
    if local_rank >= found:
        raise OptionError(
            f"{processes} processes: number {local_rank + 1} of this machine finds {found} GPUs, each process needs "
            f"one of its own; start at most {found} on a machine (--nproc-per-node {found}) or use --device cpu"
        )
    return [torch.device("cuda", index % found) for index in range(processes)]
