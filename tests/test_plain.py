"""A stranger's folder leads nowhere else: no link, no pipe, no name that climbs out."""

import os
import re

import pytest

from rebnet.errors import FileFormatError
from rebnet.plain import NAME, check_plain, plain_file

LINK = (
    "{}: is a link; a build holds {} of its own there and leads nowhere else; put the original in its place, or make "
    "the build again"
)
OTHER = LINK.replace("a link", "not {1}").replace("{}", "{0}", 1).replace("{}", "{1}")


def says(message):
    return pytest.raises(FileFormatError, match=f"^{re.escape(message)}$")


@pytest.fixture
def build(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.sv").write_text("secret")
    folder = tmp_path / "build"
    (folder / "rtl").mkdir(parents=True)
    (folder / "rtl" / "a.sv").write_text("module a; endmodule\n")
    return folder


def test_plain_files_are_found(build):
    assert plain_file(build, "rtl/a.sv") == build / "rtl" / "a.sv"
    assert plain_file(build, "rtl/b.sv") is None
    assert plain_file(build, "lib/a.sv") is None
    with says(OTHER.format(build / "rtl" / "a.sv", "a folder")):
        plain_file(build, "rtl/a.sv/b")


@pytest.mark.parametrize(
    "file", ["../outside/a.sv", "rtl/../../outside/a.sv", "/etc/hostname", "rtl//a.sv", "", "a\0b", "."]
)
def test_no_name_leads_out(build, file):
    with says(f"{build}: names {file!r}, which leads out of it; make the folder again"):
        plain_file(build, file)


def test_no_link_is_followed(build):
    (build / "rtl" / "b.sv").symlink_to(build.parent / "outside" / "a.sv")
    (build / "lib").symlink_to("../outside")
    (build / "dangling.json").symlink_to("nowhere")
    with says(LINK.format(build / "rtl" / "b.sv", "a plain file")):
        plain_file(build, "rtl/b.sv")
    with says(LINK.format(build / "lib", "a folder")):
        plain_file(build, "lib/a.sv")
    with says(LINK.format(build / "dangling.json", "a plain file")):
        check_plain(build, ["dangling.json", "other.json"], [])
    with says(LINK.format(build / "rtl" / "b.sv", "a plain file")):
        check_plain(build, [], ["rtl", "mem"])


def test_pipes_are_not_waited_for(build):
    os.mkfifo(build / "ports.json")
    os.mkfifo(build / "rtl" / "c.sv")
    (build / "mem").write_text("")
    for file, folders, wrong, wanted in (
        ("ports.json", [], "ports.json", "a plain file"),
        ("x", ["rtl"], "rtl/c.sv", "a plain file"),
        ("x", ["mem"], "mem", "a folder"),
        ("rtl", [], "rtl", "a plain file"),
    ):
        with says(OTHER.format(build / wrong, wanted)):
            check_plain(build, [file], folders)


def test_a_folder_of_deep_links_is_checked(build):
    (build / "rtl" / "x").mkdir()
    (build / "rtl" / "x" / "y").symlink_to(build.parent / "outside")
    with says(LINK.format(build / "rtl" / "x" / "y", "a folder")):
        check_plain(build, [], ["rtl"])


def test_the_folder_itself_may_be_a_link(build, tmp_path):
    (tmp_path / "link").symlink_to("build")
    assert plain_file(tmp_path / "link", "rtl/a.sv") == tmp_path / "link" / "rtl" / "a.sv"


@pytest.mark.parametrize("name", ["a; exec x", "a\nb", "a\n", "[exec x]", "1a", "", "a" * 65, "a-b", "é", "$x", "a b"])
def test_names_are_of_letters_digits_and_underscores(name):
    assert NAME.fullmatch(name) is None
    assert NAME.fullmatch("layer_1")
