"""Whose words `generate` writes for an accelerator whose constants are written at run time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rebnet.choices import GenerateTarget
from rebnet.paths import some_path_of


@contextmanager
def words_of(
    build: Path, network: str | Path | None, target: GenerateTarget
) -> Iterator[tuple[Path | None, str | None]]:
    """The folder of the network whose words are written, and what sentences call it where that is no folder of a user.

    A network of the zoo is compiled for the levels and the width of thresholds of the build, for the time being; with
    the network.json, and so the hash, that `compile` gives it.
    """
    from rebnet import zoo

    named = str(network)
    if target != "weights" or not named.startswith(zoo.PREFIX):
        yield some_path_of(network), None
        return
    from rebnet.build_folder import check_build
    from rebnet.flow.network import compile as compile_network
    from rebnet.ir import storage
    from rebnet.swap import scratch

    check_build(build)
    own = storage.load(build)
    fixed = own.served != tuple(range(1, own.levels + 1))
    with scratch("words") as work:
        folder = work / "network"
        compile_network(named, folder, until="lower", threshold_bits=own.threshold_bits, fixed_levels=fixed)
        yield folder, named
