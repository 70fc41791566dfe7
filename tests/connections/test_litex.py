"""litex: what is refused, and what a line that fails says; behind the line is the SoC that LiteX makes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.boards.board import Board
from tests.connections.test_connections import IMAGES
from tests.simulate.builds import network, save_run

import rebnet
from rebnet import flow
from rebnet.errors import BoardError, FileFormatError, OptionError

pytestmark = pytest.mark.rtl


def test_what_is_named(litex: Board, simulated: Path, tmp_path: Path):
    csr = litex.place / "csr.json"
    with pytest.raises(OptionError, match=r"which network should answer\? Name its build: rebnet\.connect\("):
        rebnet.connect(f"litex:{litex.port}?csr={csr}")
    with pytest.raises(
        OptionError, match=rf"which SoC is there\? .*: litex:{litex.port}\?csr=build/ulx3s-85/csr\.json$"
    ):
        rebnet.connect(f"litex:{litex.port}", simulated)
    with pytest.raises(OptionError, match=r"there is no option 'baud'; it knows timeout$"):
        rebnet.connect(f"litex:{litex.port}?csr={csr}&baud=3", simulated)
    for text in ("", "[]", "{}", '{"constants": {}}'):
        (tmp_path / "csr.json").write_text(text)
        with pytest.raises(FileFormatError, match=r"csr\.json: is no csr\.json of such a SoC \(.*; name the one of"):
            rebnet.connect(f"litex:{litex.port}?csr={tmp_path / 'csr.json'}", simulated)
    record = json.loads(csr.read_text())
    del record["memories"]["rebnet_ram"]
    (tmp_path / "csr.json").write_text(json.dumps(record))
    with pytest.raises(
        FileFormatError, match=r"csr\.json: has no 'rebnet_ram'; name the csr\.json of the SoC that has rebnet"
    ):
        rebnet.connect(f"litex:{litex.port}?csr={tmp_path / 'csr.json'}", simulated)
    flow.compile(save_run(tmp_path / "run", replace(network(), name="another")), tmp_path / "other")
    with pytest.raises(BoardError, match=r": another network is there \(.*; program the board with the build's SoC"):
        rebnet.connect(f"litex:{litex.port}?csr={csr}", tmp_path / "other")


def test_evaluate_where(litex: Board, simulated: Path):
    where = f"litex:{litex.port}?csr={litex.place / 'csr.json'}"
    record = flow.evaluate(simulated, "digits", where=where, images=6, levels=2)
    assert (record.where, record.images, record.levels, record.labels_differing) == (where, 6, 2, 0)
    with pytest.raises(OptionError, match=r"which SoC is there\? Name the csr\.json that its target\.py wrote: litex:"):
        flow.evaluate(simulated, "digits", where=f"litex:{litex.port}", images=6)


@pytest.mark.parametrize(
    ("keys", "value", "sentence"),
    [
        (
            ("csr_registers", "rebnet_accelerator_network"),
            None,
            r"csr\.json: has no 'rebnet_accelerator_network'; name",
        ),
        (
            ("csr_registers", "rebnet_writer_done"),
            None,
            r"has no 'rebnet_writer_done'; name the csr\.json of",
        ),
        (("csr_registers", "rebnet_reader_base", "addr"), "0x40", r"rebnet_reader_base\.addr is '0x40'; name the csr"),
        (("csr_registers",), [], r"csr\.json: has no 'rebnet_accelerator_network'; name"),
        (("memories", "rebnet_ram", "size"), "1024", r"memories\.rebnet_ram\.size is '1024'; name the csr\.json that"),
        (("constants", "rebnet_scores"), 0, r"constants\.rebnet_scores is 0; name the csr\.json that LiteX wrote$"),
        (("constants", "rebnet_scores"), 1, r"csr\.json: says \d+ words an image and 1 scores, and the network has "),
        (
            ("constants", "rebnet_image_words"),
            99,
            r"says 99 words an image and .*; name the csr\.json of its",
        ),
    ],
)
def test_the_csr_of_another_soc(litex: Board, simulated: Path, tmp_path: Path, keys, value, sentence: str):
    """What it lacks, or what it says of a network of another size, is told before an image runs."""
    record = place = json.loads((litex.place / "csr.json").read_text())
    for key in keys[:-1]:
        place = place[key]
    if value is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    (tmp_path / "csr.json").write_text(json.dumps(record))
    with pytest.raises(FileFormatError, match=sentence):
        rebnet.connect(f"litex:{litex.port}?csr={tmp_path / 'csr.json'}", simulated)


def test_bytes_that_are_lost(litex: Board, simulated: Path):
    """A sentence, and the next call is right."""
    expected = rebnet.load(simulated).predict(IMAGES[:3])
    with rebnet.connect(f"litex:{litex.port}?csr={litex.place / 'csr.json'}&timeout=3", simulated) as there:
        assert repr(there).endswith(f"M = 3, litex:{litex.port}>")
        assert (there.predict(IMAGES[:3]) == expected).all()
        litex.most = 2
        with pytest.raises(BoardError, match=r": 2 of 4 bytes were answered at 4000000 baud; check the cable"):
            there.predict(IMAGES[:3])
        litex.most = None
        assert (there.predict(IMAGES[:3]) == expected).all()
    with pytest.raises(OptionError, match=r"the connection is closed; connect again$"):
        there.predict(IMAGES[:3])
