"""A lowered network as files of ONNX, one for each level count that is asked for."""

from pathlib import Path
from typing import get_args

from rebnet.choices import ExportForm, ExportTarget
from rebnet.errors import OptionError, OutputError
from rebnet.exporting.forms import FORMS
from rebnet.exporting.model import model_bytes, require_onnx
from rebnet.exporting.walk import draft_of
from rebnet.files import make_folder, write_bytes
from rebnet.ir.network import Network
from rebnet.ir.text import network_text
from rebnet.paths import followed
from rebnet.records.exporting import Export, ExportedFile
from rebnet.swap import put, workplace

SUFFIX = ".onnx"


def write_onnx(
    network: Network,
    output: Path,
    *,
    to: ExportTarget = "qonnx",
    form: ExportForm | None = None,
    levels: tuple[int, ...] | None = None,
    float_scores: bool = False,
    replace: bool = False,
) -> Export:
    """Write a lowered network for the tools of others.

    The graph takes images as bytes, 0 … 255 in float32, of shape [N, channels, height, width], and gives integer
    scores in float64, [N, classes], on a map [N, classes, height, width]: those of the reference engine. A file of
    QONNX takes one image at a time, one of plain ONNX any number. A regression's are scores, too, and whole: its file
    says under `unit`, of its metadata, what 1 of them is worth.

    Args:
        network: a lowered network.
        output: the file, NAME.onnx; of several level counts the files are NAME-m1.onnx and so on. Of a link to a
            file what it names is meant.
        to: "qonnx", with its operations for quantizers, or "onnx", without any but ONNX' own.
        form: of QONNX, how it says a code: "chain", level by level, which is taken if None; "multithreshold", a
            MultiThreshold for each size of step; or "single", one of up to Σ g thresholds.
        levels: the level counts m; M alone if None.
        float_scores: the last product and sum are float32's, as hls4ml and FINN read them, so that scores are rounded.
        replace: whether a file that is there already may be replaced.

    Raises:
        MissingExtraError: the package onnx is not installed.
        OptionError: a target, form or level count that there is not, or a name that does not end in .onnx.
        OutputError: a file is there already, or cannot be written.
        ModelError: the form cannot say the network exactly, or no file of ONNX holds it.
    """
    if to not in get_args(ExportTarget):
        raise OptionError(f"to={to!r}: use {' or '.join(get_args(ExportTarget))}")
    if form not in (None, *get_args(ExportForm)):
        raise OptionError(f"form={form!r}: use {' or '.join(get_args(ExportForm))}")
    if to == "onnx" and form is not None:
        raise OptionError(f"form={form}: is one of QONNX; with --to onnx leave --form out")
    places = _places(network, output, levels)
    for place in places.values():
        if len(places) > 1 and place.is_symlink():
            raise OutputError(f"{place}: is a link, one of {len(places)} files; name another --output")
        if place.exists() and not (replace and place.is_file()):
            raise OutputError(
                f"{place}: is there already; name another --output{', or add --replace' * place.is_file()}"
            )
    require_onnx(output)
    chosen = form or ("chain" if to == "qonnx" else "plain")
    (folder,) = {make_folder(place.parent) for place in places.values()}
    files = []
    with workplace(folder, output.stem) as work:
        for m, place in places.items():
            draft, answer = draft_of(network, FORMS[chosen], network.served.index(m), float_scores=float_scores)
            told = {"network": network_text(network), "levels": str(m), "form": chosen} | _unit(network, m)
            data = model_bytes(place, network.name, draft, answer, FORMS[chosen].batch, told)
            write_bytes(work / place.name, data)
            files.append(ExportedFile(file=str(place), form=chosen, levels=m, nodes=len(draft.nodes), bytes=len(data)))
        put([work / place.name for place in places.values()], folder)
    return Export(files=tuple(files))


def _unit(network: Network, m: int) -> dict[str, str]:
    """What 1 of a regression's scores is worth in the unit of its targets."""
    return {"unit": repr(float(network.score_units[network.served.index(m)]))} if network.score_units else {}


def _places(network: Network, output: Path, levels: tuple[int, ...] | None) -> dict[int, Path]:
    """The file of each level count."""
    if output.suffix != SUFFIX:
        raise OptionError(f"output={output}: is a file that ends in {SUFFIX}; name it so")
    wanted = (network.levels,) if levels is None else tuple(dict.fromkeys(levels))
    legal = ", ".join(map(str, network.served))
    if not wanted:
        raise OptionError(f"levels: names none; this network serves {legal}")
    for m in wanted:
        if m not in network.served:
            raise OptionError(f"levels={m}: this network serves {legal}; choose one of these")
    if len(wanted) == 1:
        return {wanted[0]: followed(output)}
    return {m: output.with_name(f"{output.stem}-m{m}{SUFFIX}") for m in wanted}
