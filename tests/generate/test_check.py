"""What tools work on is what network and folding generate; a build that says something else is refused."""

import json
import re
import shutil

import pytest
from tests.ir.networks import tiny

from rebnet.errors import FileFormatError, OptionError
from rebnet.fold import fold
from rebnet.generate import generate
from rebnet.generate.check import checked
from rebnet.generate.rtl import generated
from rebnet.ir import storage
from rebnet.lower import lower


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


def refused(build, file):
    return pytest.raises(
        FileFormatError,
        match="^"
        + re.escape(
            f"{build / file}: is not what the build's network and folding generate, so it was edited or is of another "
            f"version; run 'rebnet generate {build} --target rtl' to make it again, or insist with --edited"
        )
        + "$",
    )


def test_a_build_as_it_was_generated(build):
    assert checked(build) == generated(build)
    assert checked(build, edited=True) == generated(build)  # nothing is edited
    (build / "rtl" / "notes.txt").write_text("mine")  # read by nobody
    assert checked(build) == generated(build)


@pytest.mark.parametrize("file", ["rtl/fifo.sv", "rtl/accelerator.sv", "mem/scores.hex", "mem/layer1_weights.hex"])
def test_an_edited_file(build, file):
    text = (build / file).read_text()
    (build / file).write_text(f"{text}\n")
    with refused(build, file):
        checked(build)
    found = checked(build, edited=True)
    assert found.edited == (file,)
    assert (found.sources | found.memories)[file] == f"{text}\n"
    (build / file).write_text(text[::-1])  # as long as before
    with refused(build, file):
        checked(build)
    generate(build)
    assert not checked(build, edited=True).edited


def test_ends_of_lines_are_an_edit(build):
    text = (build / "rtl" / "fifo.sv").read_text()
    (build / "rtl" / "fifo.sv").write_bytes(text.replace("\n", "\r\n").encode())
    with refused(build, "rtl/fifo.sv"):
        checked(build)


def test_further_sources(build):
    """Those that an edited source needs come along where the folder's files are insisted on."""
    for name in ("mine.sv", "no name.sv", "mine.txt"):
        (build / "rtl" / name).write_text("module mine; endmodule\n")
    assert checked(build) == generated(build)
    found = checked(build, edited=True)
    assert found.edited == ("rtl/mine.sv",)
    assert list(found.sources)[-1] == "rtl/mine.sv"


def edit(build, change):
    record = json.loads((build / "ports.json").read_text())
    change(record)
    (build / "ports.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["files"].reverse(),
        lambda r: r["files"].pop(0),
        lambda r: r["s_axis"].update(tuser_bits=5),
        lambda r: r["s_axis"]["image"].reverse(),
        lambda r: r.update(reset="none"),
    ],
)
def test_an_edited_record(build, change):
    edit(build, change)
    with refused(build, "ports.json"):
        checked(build)


def test_another_top(build):
    """A name of the strict form is one that `generate` could have been given."""
    edit(build, lambda r: r.update(top="other"))
    with refused(build, "ports.json"):
        checked(build)


def test_an_edited_file_is_text_of_some_size(build, monkeypatch):
    (build / "rtl" / "fifo.sv").write_bytes(b"\xff")
    with pytest.raises(FileFormatError, match="sv: is no text in UTF-8; make the build again"):
        checked(build, edited=True)
    with (build / "rtl" / "fifo.sv").open("wb") as file:
        file.truncate(1 << 40)  # takes no room, and would take a terabyte of memory
    for edited in (False, True):
        with pytest.raises(FileFormatError, match="sv: is lost or larger than 268435456 bytes; make the build again"):
            checked(build, edited=edited)


def test_names_that_are_generated_have_the_strict_form_too(build):
    with pytest.raises(OptionError, match="name='a; b': "):
        generate(build, name="a; b")
