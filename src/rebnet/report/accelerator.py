"""The page of one accelerator, in the order that a reader asks: who sets the pace, does it fit, is it right."""

from rebnet.ir.ops import Conv
from rebnet.records import Folding, Simulation, Synthesis, Training
from rebnet.report.blocks import Block, blocks, lanes_text
from rebnet.report.buffers import buffers
from rebnet.report.classes import classes
from rebnet.report.commands import command
from rebnet.report.diagram import diagram
from rebnet.report.fit import fit
from rebnet.report.html import Child, Html, number, table, tag, words
from rebnet.report.learning import accuracy, adaptive, factors, learning
from rebnet.report.operating import CLOCK_MHZ, Operating, lanes, operating, resources
from rebnet.report.page import at, badge, masthead, missing, navigation, page, readout, section, slider
from rebnet.report.provenance import provenance
from rebnet.report.records import Build

DATASETS = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST", "cifar10": "CIFAR-10", "svhn": "SVHN",
            "imagenet": "ImageNet"}  # fmt: skip


def accelerator_page(build: Build) -> str:
    """The whole page, as HTML."""
    points = [operating(build, m) for m in build.served]
    sections = [
        ("blocks", "Blocks", diagram(build)),
        ("layers", "Layers", _layers(build, points)),
        ("cycles", "Cycles", _cycles(build)),
        ("resources", "Resources", fit(build)),
        ("fifos", "FIFOs", buffers(build)),
        ("accuracy", "Accuracy", accuracy(build)),
        ("classes", "Classes", classes(build)),
        ("learning", "Learning curve", learning(build)),
        ("factors", "Factors γ", factors(build)),
        ("adaptive", "Adaptive levels", adaptive(build)),
        ("provenance", "Provenance", provenance(build)),
    ]
    shown = [(name, title, part) for name, title, part in sections if part is not None]
    title = heading(build)
    header = masthead(
        f"rebnet report / {build.name}",
        title,
        notation(build),
        _alerts(build),
        _readouts(build, points),
        navigation([(name, name_shown) for name, name_shown, _ in shown]),
    )
    states = [f"{m} of {build.network.levels} levels, the figures of the layers are at m = {m}" for m in build.served]
    control = slider(build.served, "Levels m of an image", states)
    return page(f"{build.name}: {title}", header, [*([control] if control else []), *(part for *_, part in shown)])


def heading(build: Build) -> str:
    """What it is, in a few words."""
    dataset = build.dataset
    of = f" on {DATASETS.get(dataset, dataset)}" if dataset else ""
    count = len(build.network.layers)
    return f"{count} binary layers{of}, M = {build.network.levels}"


def notation(build: Build) -> str:
    """The network in the paper's notation, as it was trained."""
    training = build.get(Training)
    if training is None:
        return build.network.name
    return str(training.network)


def _alerts(build: Build) -> list[Html]:
    """What must not be overlooked."""
    found = []
    simulation = build.get(Simulation)
    if simulation is not None and simulation.mismatches:
        found.append(
            f"The RTL computed other scores than the integer network for {simulation.mismatches:,} of "
            f"{simulation.images:,} images. Nothing below describes a working accelerator."
        )
    if simulation is not None and simulation.edited:
        found.append(f"Edited files were simulated, not what was generated: {', '.join(simulation.edited)}.")
    found += [f"{file} {reason}; it is not used." for file, reason in build.unused.items()]
    return [tag("p", words, class_="alert") for words in found]


def _readouts(build: Build, points: list[Operating]) -> Html:
    """The key figures at the slider's m."""
    accuracies = [
        {"text": number(p.accuracy.value, 2) if p.accuracy else "–"} for p in points
    ]  # fmt: skip
    accuracy_notes = [{"text": p.accuracy.origin if p.accuracy else "no record at this m"} for p in points]
    cycles = [{"text": _count(p.cycles.value) if p.cycles else "–"} for p in points]
    cycle_notes = [{"text": p.cycles.origin if p.cycles else "not folded"} for p in points]
    rates = [{"text": number(p.images_per_second)} for p in points]
    simulation = build.get(Simulation)
    used = resources(build)
    parts = [
        readout("Accuracy", at("span", accuracies), "%", at("span", accuracy_notes)),
        readout("Throughput", at("span", rates), "images/s", f"at {CLOCK_MHZ} MHz, assumed: no tool timed it"),
        *_timed(build, points),
        readout("Cycles per image", at("span", cycles), "", at("span", cycle_notes)),
        _latency(build),
        readout("Logic", number(used.used["LUT"]), "LUT", used.origin) if used else
        readout("XNOR lanes", number(lanes(build)), "", "PE × SIMD × lanes, all layers"),
    ]  # fmt: skip
    if simulation is not None:
        wrong = simulation.mismatches
        note = f"of {simulation.images:,} images, RTL against integers"
        parts.append(readout("Mismatches", number(wrong), "", note, class_="limit" if wrong else None))
    return tag("dl", *parts, class_="readouts")


def _timed(build: Build, points: list[Operating]) -> list[Html]:
    """Throughput at the clock that a tool timed, where one did: the bitstream's, or else the fastest reached."""
    synthesis = build.get(Synthesis)
    if synthesis is None or not synthesis.fmax_mhz:
        return []
    placed = synthesis.place_and_route
    clock, what = synthesis.fmax_mhz, "after routing"
    if placed is not None:
        clock, what = placed.clock_mhz, "in the bitstream"
    rates = [{"text": number(1e6 * clock / p.cycles.value) if p.cycles else "–"} for p in points]
    return [
        readout("Throughput, timed", at("span", rates), "images/s", f"at {clock:g} MHz, {what} on {synthesis.part}")
    ]


def _latency(build: Build) -> Html:
    simulation, folding = build.get(Simulation), build.get(Folding)
    if simulation is not None and simulation.latency_cycles:
        cycles, note = simulation.latency_cycles, "cycles, first image, simulated"
    elif folding is not None:
        cycles, note = folding.predicted_latency_cycles, "cycles, first image, cycle model"
    else:
        return readout("Latency", "–", "", "not folded")
    return readout("Latency", number(cycles / CLOCK_MHZ, 2), "µs", f"{cycles:,} {note}")


def _count(value: float) -> str:
    return number(value, 0 if float(value).is_integer() else 1)


def _layers(build: Build, points: list[Operating]) -> Html:
    name, title = "layers", "Who sets the pace"
    chain = build.accelerator
    if chain is None:
        return section(name, title, missing("folding.json", command(build, "folding.json"),
                                            build.unused.get("folding.json")))  # fmt: skip
    bounds = [chain.bound_cycles(point.levels) for point in points]
    rows = [_row("pixels in", f"{chain.samples:,} samples", None, [chain.beats_in] * len(points), bounds,
                 f"{chain.samples_per_beat} a beat")]  # fmt: skip
    for layer in chain.layers:
        op = build.network.layer(layer.name)
        kind = f"{layer.cols:,} → {layer.rows:,}"
        if isinstance(op, Conv):
            high, wide = op.window.kernel
            groups = f" in {op.groups:,} groups" if op.groups > 1 else ""
            kind = f"{high}×{wide}, {layer.cols:,} → {layer.rows:,}{groups} at {layer.vectors:,} places"
        cycles = [layer.cycles(point.levels) for point in points]
        folding = lanes_text(layer)
        rows.append(_row(layer.name, kind, layer.xnor_lanes, cycles, bounds, folding))
    rows += [_row(block.name, block.kind, None, list(block.cycles), bounds, "") for block in _slower_than_layers(build)]
    what = f"{chain.scores.scores:,} {'classes' if chain.scores.places == 1 else 'scores'}"
    at_a_time = f"{chain.scores.per_beat} a beat"
    rows.append(_row("scores out", what, None, [chain.beats_out] * len(points), bounds, at_a_time))
    total = sum(layer.xnor_lanes for layer in chain.layers)
    busy = []
    for point, bound in zip(points, bounds, strict=True):
        work = sum(layer.xnor_lanes * layer.cycles(point.levels) for layer in chain.layers)
        busy.append({"text": f"{100 * work / (total * bound):.0f} %"})
    headings = ("", "cycles/image", "of the pace", words("busy", "th"), words("what", "th"), "PE × SIMD × lanes",
                "XNOR lanes")  # fmt: skip
    head = tag("tr", *(h if isinstance(h, Html) else tag("th", h, scope="col") for h in headings))
    body = tag("div", tag("table", tag("thead", head), tag("tbody", *rows), id="pace"), class_="scroll")
    after = tag("p", f"{total:,} XNOR lanes in all, busy ", at("b", busy), " of the time at this folding.")
    lead = (
        "An image takes the cycles of the slowest row. The other rows wait for it; their bars show how busy they are."
    )
    return section(name, title, body, after, lead=lead)


def _slower_than_layers(build: Build) -> list[Block]:
    """What pools, adds or joins and takes longer than every layer and both ports, at a level count or more."""
    accelerator = build.accelerator
    assert accelerator is not None
    ends = max(accelerator.beats_in, accelerator.beats_out)
    most = [max(ends, *(layer.cycles(m) for layer in accelerator.layers)) for m in build.served]
    return [
        block for block in blocks(build) if any(own > others for own, others in zip(block.cycles, most, strict=False))
    ]


def _row(name: str, what: str, count: int | None, cycles: list[int], bounds: list[int], folding: str) -> Html:
    """A row of the table of layers at every m."""
    limits = [c == bound for c, bound in zip(cycles, bounds, strict=True)]
    shares = [100 * c / bound for c, bound in zip(cycles, bounds, strict=True)]
    fill = at("i", [{"style": f"--share:{share:.1f}%"} for share in shares])
    mark = at("em", [{"text": "sets the pace" if limit else ""} for limit in limits])
    return _at_row(
        [{"class": "limit" if limit else None} for limit in limits],
        tag("th", name, scope="row"),
        tag("td", at("span", [{"text": f"{c:,}"} for c in cycles]), class_="key"),
        tag("td", at("span", [{"text": f"{share:.1f} %"} for share in shares])),
        tag("td", tag("span", fill, mark, class_="gauge"), class_="wide"),
        words(what),
        tag("td", folding),
        tag("td", number(count) if count else ""),
    )


def _at_row(states: list[dict[str, str | None]], *cells: Html) -> Html:
    """A table row whose attributes the slider changes."""
    empty = at("tr", states)
    return Html(empty.replace("</tr>", f"{''.join(cells)}</tr>"))


def _cycles(build: Build) -> Html:
    folding, simulation = build.get(Folding), build.get(Simulation)
    rows: list[tuple[Child, ...]] = []
    if folding is not None:
        m = folding.levels
        bound, predicted = folding.bound_cycles, folding.predicted_cycles_per_image
        rows += [
            ("bound", badge("formula", is_measured=False), m, number(bound), "", "slowest module or port"),
            ("predicted", badge("cycle model", is_measured=False), m, _count(predicted),
             number(folding.predicted_latency_cycles), "every FIFO and converter, cycle by cycle"),
        ]  # fmt: skip
    if simulation is not None:
        cycles = simulation.cycles_per_image
        stalls = simulation.stalls
        note = f"Verilator, {simulation.images:,} images"
        if stalls is not None:
            note += f", random stalls with seed {stalls}: no steady state"
        levels = ", ".join(map(str, simulation.levels))
        shown = _count(cycles) if cycles is not None else "–"
        rows.append(("simulated", badge("RTL", is_measured=True), levels, shown,
                     number(simulation.latency_cycles or None), note))  # fmt: skip
    headings = ("cycles per image", "", "m", "cycles", "latency, cycles", words("from", "th"))
    parts: list[Child] = [table(headings, [(*row[:-1], words(row[-1])) for row in rows])] if rows else []
    if folding is not None and folding.limiting_fifos:
        names = ", ".join(folding.limiting_fifos)
        parts.append(tag("p", f"These FIFOs cost cycles beyond the bound: {names}.", class_="alert"))
    if simulation is None:
        parts.append(missing("simulation.json", command(build, "simulation.json"), build.unused.get("simulation.json")))
    return section("cycles", "Cycles per image", *parts,
                   lead="What a formula bounds, what the cycle model predicts, and what the RTL took.")  # fmt: skip
