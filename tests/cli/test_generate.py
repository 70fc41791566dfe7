"""`rebnet generate`: what it prints and writes, and refusals whole."""

import json
import re
from pathlib import Path


def test_c(rebnet, build):
    before = {path.name for path in build.iterdir()}
    code, out, err = rebnet("generate", build, "--target", "c")
    assert (code, err) == (0, "")
    assert re.fullmatch(
        rf"source          {build}/c/network.c\nheader          {build}/c/network.h\n"
        r"constant_bytes  [1-9]\d*\nmemory_bytes    [1-9]\d*\n",
        out,
    )
    assert {path.name for path in build.iterdir()} == {*before, "c"}
    constants, memory = re.findall(r"_bytes +(\d+)", out)
    header = (build / "c" / "network.h").read_text()
    assert f"#define NETWORK_CONSTANT_BYTES {constants}\n" in header
    assert f"#define NETWORK_MEMORY_BYTES {memory}\n" in header


def test_the_integer_network_is_enough(rebnet, run_folder, tmp_path):
    build, place = tmp_path / "lowered", tmp_path / "firmware"
    assert rebnet("compile", run_folder, "--output", build, "--until", "lower")[0] == 0
    before = {path.name for path in build.iterdir()}
    code, out, _ = rebnet("generate", build, "--target", "c", "--output", place, "--name", "digits")
    assert code == 0
    assert f"source          {place}/digits.c\n" in out
    assert {path.name for path in place.iterdir()} == {"digits.c", "digits.h"}
    assert {path.name for path in build.iterdir()} == before


def test_rtl(rebnet, build):
    (build / "rtl" / "accelerator.sv").unlink()
    assert rebnet("generate", build, "--target", "rtl") == (0, "top  accelerator\n", "")
    assert (build / "rtl" / "accelerator.sv").is_file()


def test_refusals(refuse, build, tmp_path):
    name = "names in C are made from it; use letters, digits and '_', a letter first"
    refuse(f"name='7': {name}", "generate", build, "--target", "c", "--name", "7")
    hides = "name='stdint': stdint.h would hide the header <stdint.h> of C's library; use another name"
    refuse(hides, "generate", build, "--target", "c", "--name", "stdint")
    message = f"output={tmp_path}: the RTL stays in its build, beside its records; leave --output out"
    refuse(message, "generate", build, "--target", "rtl", "--output", tmp_path)
    message = "--name x: names the files of the C; leave it out"
    refuse(message, "generate", build, "--target", "rtl", "--name", "x")
    file = tmp_path / "nothing" / "network.json"
    refuse(f"{file}: no such file; the stage that writes it has not run", "generate", file.parent, "--target", "c")
    place = build / "network.json"
    message = f"{place}: a file stands where a folder is needed; name another --output"
    refuse(message, "generate", build, "--target", "c", "--output", place)


def test_a_target_is_named(rebnet, build):
    assert rebnet("generate", build)[0] == 2
    assert rebnet("generate", build, "--target", "vhdl")[0] == 2


def test_axi(rebnet, build, tmp_path):
    code, out, err = rebnet("generate", build, "--target", "axi", "--board", "pynq-z2")
    record = json.loads((build / "axi" / "shell.json").read_text())
    assert (code, err) == (0, "")
    assert out.split() == ["top", "accelerator_axi", "board", "pynq-z2", "network", record["network"]]
    ports = json.loads((build / "ports.json").read_text())
    assert record["network"] == ports["inputs"]["network"]
    assert {file.name for file in (build / "axi").iterdir()} == {Path(name).name for name in record["files"]} | {
        "shell.json"
    }


def test_axi_refusals(refuse, build, tmp_path):
    refuse("name=x: the shell is named after its accelerator; leave --name out",
           "generate", build, "--target", "axi", "--name", "x")  # fmt: skip
    refuse(f"output={tmp_path}: the RTL stays in its build, beside its records; leave --output out",
           "generate", build, "--target", "axi", "--output", tmp_path)  # fmt: skip
    refuse("board=pynq-z2: is what the shell must fit, with --target axi or zynq; leave --board out",
           "generate", build, "--target", "c", "--board", "pynq-z2")  # fmt: skip
    refuse("board 'arty-a7-35' has no shell 'axi'; use zybo, pynq-z1, pynq-z2, zc702, ultra96, "
           "ultra96-v2, zcu104, kv260, or leave the "
           "board or the shell out", "generate", build, "--target", "axi", "--board", "arty-a7-35")  # fmt: skip
