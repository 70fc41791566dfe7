"""ports.json of a stranger: its names have one form, its files are the build's own, its numbers are numbers."""

import json
import os
import re
import shutil

import pytest
from tests.ir.networks import tiny

from rebnet.errors import FileFormatError
from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.ir import storage
from rebnet.lower import lower
from rebnet.rtl.ports import read_ports


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    build = tmp_path_factory.mktemp("made") / "build"
    storage.save(lower(tiny(2)), build)
    fold(build)
    generate(build)
    return build


@pytest.fixture
def build(made, tmp_path):
    return shutil.copytree(made, tmp_path / "build")


def edit(build, key, value):
    """Set the entry at `key`, names and places with dots between them."""
    path = build / "ports.json"
    record = json.loads(path.read_text())
    *way, last = [int(part) if part.isdigit() else part for part in key.split(".")]
    holder = record
    for part in way:
        holder = holder[part]
    holder[last] = value
    path.write_text(json.dumps(record))


AGAIN = "run 'rebnet compile' again"
NAMES = "names there are like 'rtl/NAME.sv'"
TOP = "a module's name has letters, digits and '_' only, at most 64"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("top", "accelerator; exec true; #", f"key 'top' holds 'accelerator; exec true; #'; {TOP}"),
        ("top", "accelerator\n! touch x", f"key 'top' holds 'accelerator\\n! touch x'; {TOP}"),
        ("top", "a" * 65, f"key 'top' holds '{'a' * 65}'; {TOP}"),
        ("clock", "aclk [exec true]", "key 'clock' holds 'aclk [exec true]', it must hold 'aclk'"),
        ("files.0", "/etc/hostname", f"key 'files' names '/etc/hostname'; {NAMES}"),
        ("files.0", "rtl/../../x.sv", f"key 'files' names 'rtl/../../x.sv'; {NAMES}"),
        ("files.0", "rtl/a b.sv", f"key 'files' names 'rtl/a b.sv'; {NAMES}"),
        ("files.0", "rtl/a.sv\n", f"key 'files' names 'rtl/a.sv\\n'; {NAMES}"),
        ("files.0", "rtl/lost.sv", "key 'files' names 'rtl/lost.sv', which is not there"),
        ("files.1", "rtl/fifo.sv", "key 'files' names a file twice"),
        ("memories.0", "../x.hex", "key 'memories' names '../x.hex'; names there are like 'mem/NAME.hex'"),
    ],
)
def test_refusals(build, key, value, message):
    edit(build, key, value)
    with pytest.raises(FileFormatError, match=f"^{re.escape(f'{build}/ports.json: {message}; {AGAIN}')}$"):
        read_ports(build)


def test_links_and_pipes_are_no_files(build, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (build / "rtl" / "fifo.sv").unlink()
    (build / "rtl" / "fifo.sv").symlink_to(tmp_path / "secret")
    with pytest.raises(FileFormatError, match="sv: is a link; a build holds a plain file of its own there"):
        read_ports(build)
    (build / "rtl" / "fifo.sv").unlink()
    os.mkfifo(build / "rtl" / "fifo.sv")
    with pytest.raises(FileFormatError, match="sv: is not a plain file"):
        read_ports(build)
    shutil.move(build / "mem", tmp_path / "mem")
    (build / "rtl" / "fifo.sv").unlink()
    (build / "rtl" / "fifo.sv").write_text("")
    (build / "mem").symlink_to(tmp_path / "mem")
    with pytest.raises(FileFormatError, match="mem: is a link; a build holds a folder of its own there"):
        read_ports(build)
