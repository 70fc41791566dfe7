"""`rebnet build`."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from rebnet import flow
from rebnet.cli.common import (
    CacheDir,
    ClockMhz,
    DataDir,
    InputScale,
    ShellOption,
    Source,
    TargetFps,
    answer,
    as_json,
    complete_boards,
    complete_parts,
    note,
    parse_images,
    print_record,
    working,
)  # fmt: skip
from rebnet.cli.compile import made_in, print_build
from rebnet.cli.evaluate import print_evaluation
from rebnet.cli.simulate import print_simulation
from rebnet.cli.synthesize import print_synthesis
from rebnet.progress import Shown


def command(
    source: Source,
    output: Annotated[Path, typer.Option(help="Folder of the build.")],
    board: Annotated[str | None, typer.Option(help="Board, such as zc702.", autocompletion=complete_boards)] = None,
    part: Annotated[
        str | None, typer.Option(help="Part, such as xc7s50, instead of a board.", autocompletion=complete_parts)
    ] = None,
    folding: Annotated[
        str | None, typer.Option(help="paper, balanced, or a folding.json; searched for the device if not given.")
    ] = None,
    target_fps: TargetFps = None,
    max_utilisation: Annotated[
        float | None,
        typer.Option(help="Percent of the device that may be taken, as synthesis counts it; 90 if searched."),
    ] = None,
    clock_mhz: ClockMhz = None,
    shell: ShellOption = None,
    input_scale: InputScale = None,
    images: Annotated[str, typer.Option(help="How many test images go through the RTL, or all.")] = "100",
    dataset: Annotated[str | None, typer.Option(help="Test images; the training's own if not given.")] = None,
    data_dir: DataDir = None,
    cache_dir: CacheDir = None,
) -> None:
    """Everything from a trained network to the page: compile, synthesize, evaluate, simulate, report.

    A stage that fails leaves those before it as they are; the verb of each goes on from there.

    Example: [bold]rebnet build zoo:mnist-arch-1-m1 --part xc7s50 --folding paper --output build/mnist-m1[/bold]
    """
    count = parse_images(images)
    with _Stages(output) as stages:
        made = flow.build(
            source,
            output,
            board=board,
            part=part,
            folding=folding,
            target_fps=target_fps,
            max_utilisation=max_utilisation,
            clock_mhz=clock_mhz,
            shell=shell,
            input_scale=input_scale,
            images=count,
            dataset=dataset,
            data_dir=data_dir,
            cache_dir=cache_dir,
            begin=stages.begin,
            done=stages.done,
            note=note,
            say=stages.say,
            progress=stages.advance,
        )
    seconds = made["seconds"]
    lines = {f"{name} seconds": seconds[name] for name in stages.records} | {"seconds": seconds["total"]}
    answer({**stages.records, "seconds": seconds}, lambda: print_record(lines, tuple(lines)))
    if made["simulate"].mismatches:
        raise typer.Exit(1)


class _Stages:
    """Shows the progress of one stage after another, and what came out of each as soon as it is there."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._running = ExitStack()
        self._shown: Shown | None = None
        self.records: dict[str, object] = {}

    def __enter__(self) -> "_Stages":
        return self

    def __exit__(self, *error: object) -> None:
        self._running.close()

    def begin(self, stage: str) -> None:
        note(stage)
        self._shown = self._running.enter_context(working(stage))

    def done(self, stage: str, result: object) -> None:
        self._running.close()
        self.records[stage], show = self._shown_of(result)
        if not as_json():
            show()

    def say(self, stage: str) -> None:
        if self._shown is not None:
            self._shown.say(stage)

    def advance(self, images: int) -> None:
        if self._shown is not None:
            self._shown.advance(images)

    def _shown_of(self, result: object) -> tuple[object, Callable[[], None]]:
        """What there is to show of what a stage returned, and what shows it."""
        from rebnet.records import Evaluation, Synthesis
        from rebnet.simulate import Simulation

        match result:
            case Synthesis():
                return result, lambda: print_synthesis(result)
            case Evaluation():
                return result, lambda: print_evaluation(result)
            case Simulation():
                return result.record, lambda: print_simulation(result.record)
            case Path():
                return {"page": str(result)}, lambda: print(result)
        build = made_in(self._output)
        return build.record, lambda: print_build(build)
