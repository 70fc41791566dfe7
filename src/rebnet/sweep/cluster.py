"""Steps on the machines of a Ray cluster; the one file that imports Ray.

Every machine sees the folder of the sweep, and has the same rebnet. What goes over the wire is a job and its outcome, a
few hundred bytes; what a step makes is a folder, where the next step finds it. So a training whose machine dies goes on
elsewhere from its last checkpoint, which is where it was: results that came back as files through Ray would come at the
end of a step, and a checkpoint would die with its machine.

Ray takes care of who has how many cores and how much memory free. It tries nothing again on its own: the sweep gives
out every attempt.
"""

import importlib
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rebnet.errors import FileFormatError, MissingExtraError, OptionError
from rebnet.files import file_hash, read_object, write_text
from rebnet.sweep.folder import STUDY_FILE
from rebnet.sweep.job import CLAIM_FILE, Job, Outcome

_LOOK_S = 5.0
_PROBE_S = 60.0
_CONNECT_S = 10.0
_SHARE = 0.9


class Cluster:
    """An `Executor` of the machines of a cluster.

    Args:
        module: has `perform`, which does a job.
        address: of the cluster, as Ray takes it: "auto", or HOST:PORT.
        place: the folder of the sweep.
        threads: cores of a step.

    Raises:
        MissingExtraError: Ray is not installed.
        OptionError: there is no such cluster, or one of its machines does not see the folder or has no rebnet.
    """

    def __init__(self, module: str, address: str, place: Path, threads: int) -> None:
        self._ray = _ray()
        self._module, self._threads, self._place = module, threads, place
        self._running: dict[Any, tuple[Job, float]] = {}
        self._looked = 0.0
        try:
            _check_address(address)
            with _own_signals():
                self._ray.init(address=address, logging_level="ERROR", log_to_driver=False, configure_logging=False)
        except (RuntimeError, ValueError, OSError, self._ray.exceptions.RayError) as error:
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise OptionError(
                f"ray={address}: no cluster answers there ({why}); start one with 'ray start --head', and name what it "
                "says, or 'auto' on one of its machines"
            ) from None
        try:
            self._probe()
            self._perform = self._ray.remote(max_retries=0)(_perform)
            self.workers = self._count()
        except BaseException:
            self._ray.shutdown()
            raise

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *error: object) -> None:
        for reference in self._running:
            with suppress(Exception):  # the machine may have gone
                self._ray.cancel(reference, force=True)
        self._ray.shutdown()

    def node(self) -> str:
        """Ray's to say: the claim in the folder of the attempt does, and its outcome."""
        return "cluster"

    def threads(self, waiting: int) -> int:
        """As many for every step."""
        return self._threads

    def takes(self, job: Job, running: Sequence[Job]) -> bool:
        """Where a machine has cores; Ray waits for its memory."""
        if time.monotonic() - self._looked > _LOOK_S:
            self.workers = self._count()
        return len(running) < self.workers

    def start(self, job: Job) -> None:
        """Give it to Ray."""
        needs = {"num_cpus": job.threads, "memory": min(job.memory, self._largest)}
        reference = self._perform.options(**needs).remote(self._module, job.plain())
        self._running[reference] = (job, time.monotonic())

    def wait(self, seconds: float) -> Sequence[Outcome]:
        """What has ended."""
        references = list(self._running)
        ended, _ = self._ray.wait(references, num_returns=1, timeout=seconds)
        if ended:
            ended, _ = self._ray.wait(references, num_returns=len(references), timeout=0)
        return [self._outcome(reference) for reference in ended]

    def _outcome(self, reference: Any) -> Outcome:
        job, began = self._running.pop(reference)
        errors = self._ray.exceptions
        try:
            return Outcome(job.step, job.attempt, **self._ray.get(reference))
        except errors.RayTaskError as error:
            seconds = time.monotonic() - began
            return Outcome(job.step, job.attempt, "failed", _claimed(job), seconds, str(error).splitlines()[-1])
        except errors.RayError as error:
            why = " ".join(str(error).split())[:300]
            return Outcome(job.step, job.attempt, "lost", _claimed(job), time.monotonic() - began, why)

    def _nodes(self) -> list[Mapping[str, Any]]:
        return [node for node in self._ray.nodes() if node["Alive"]]

    def _count(self) -> int:
        """Steps at once that the cores of the cluster are enough for."""
        self._looked = time.monotonic()
        nodes = self._nodes()
        self._largest = int(_SHARE * max((node["Resources"].get("memory", 0) for node in nodes), default=0))
        return max(1, sum(int(node["Resources"].get("CPU", 0)) // self._threads for node in nodes))

    def _probe(self) -> None:
        """Refuse a cluster of which a machine does not see the folder."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        sees = self._ray.remote(max_retries=0, num_cpus=0)(_sees)
        study = self._place / STUDY_FILE
        for node in self._nodes():
            name = _shown(node["NodeID"], node["NodeManagerHostname"])
            pinned = sees.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False))
            try:
                seen = self._ray.get(pinned.remote(str(study), file_hash(study)), timeout=_PROBE_S)
            except self._ray.exceptions.RayError as error:
                why = str(error).strip().splitlines()[-1]
                raise OptionError(f"ray: machine {name} cannot do a step ({why}); install this rebnet there") from None
            if not seen:
                raise OptionError(
                    f"ray: machine {name} does not see {self._place}; name an --output that all machines share"
                )


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise MissingExtraError(
            "ray, which hands steps to other machines, is not installed; run pip install 'rebnet[sweep]', or leave "
            "--ray out"
        ) from None
    return ray


def _check_address(address: str) -> None:
    """Raise `OSError` where nobody listens, for whom Ray would wait minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what signals do, which Ray changes where it is started."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _shown(node: str, host: str) -> str:
    return f"{host} ({node[:8]})"


def _sees(study: str, digest: str) -> bool:
    """On a machine: whether it sees the same file."""
    try:
        return file_hash(Path(study)) == digest
    except FileFormatError:
        return False


def _perform(module: str, job: dict[str, Any]) -> dict[str, Any]:
    """On a machine: claim a job, and do it."""
    node = _shown(_ray().get_runtime_context().get_node_id(), socket.gethostname())
    write_text(Path(job["place"]) / CLAIM_FILE, json.dumps({"node": node}) + "\n")
    answer: dict[str, Any] = importlib.import_module(module).perform(job)
    return answer | {"node": node}


def _claimed(job: Job) -> str:
    """Who took a job that did not come back."""
    try:
        return str(read_object(Path(job.place) / CLAIM_FILE)["node"])
    except (FileFormatError, KeyError):
        return "no machine yet"
