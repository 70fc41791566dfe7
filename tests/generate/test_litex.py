"""What a LiteX SoC takes of a build: files as they ship, nothing of the user's overwritten, and what is refused."""

import importlib.util
from pathlib import Path

import pytest

from rebnet.boards.shells import litex
from rebnet.errors import FileFormatError, MissingExtraError, OptionError, OutputError
from rebnet.generate import generate


def test_the_files(build: Path, tmp_path: Path):
    ports = generate(build)
    record = generate(build, target="litex")
    assert (record.folder, record.network) == (str(build / "litex"), ports.inputs["network"])
    written = {str(path.relative_to(build / "litex")) for path in (build / "litex").rglob("*") if path.is_file()}
    assert written == set(record.files) == {*litex.FILES, "ports.json", *ports.files, *ports.memories}
    for name in litex.FILES:
        assert (build / "litex" / name).read_text() == litex.text(name)
    for name in ("ports.json", *ports.files, *ports.memories):
        assert (build / "litex" / name).read_bytes() == (build / name).read_bytes()
    generate(build, target="litex", output=tmp_path / "there")
    (tmp_path / "there" / "host.py").write_text("mine")
    with pytest.raises(OutputError, match=r"host\.py: is there and says something else; take it away or name another"):
        generate(build, target="litex", output=tmp_path / "there")


def test_refusals(build: Path):
    with pytest.raises(OptionError, match=r"^name=x: the files for a board have names of their own; leave --name out$"):
        generate(build, target="litex", name="x")
    generate(build, runtime_weights=True)
    with pytest.raises(OptionError, match=r"which a LiteX SoC does not have; generate the RTL again without --runtime"):
        generate(build, target="litex")
    generate(build)
    (build / "rtl" / "fifo.sv").write_text("")
    with pytest.raises(FileFormatError, match=r"fifo\.sv: is not what the build's network and folding generate"):
        generate(build, target="litex")


def test_without_litex(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as error:
        litex.gateware()
    assert str(error.value) == "LiteX is not installed; install it with: pip install 'rebnet[litex]'"
