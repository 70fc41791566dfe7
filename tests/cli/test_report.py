"""`rebnet report`: what it prints, and refusals whole."""

import shutil

import pytest


def test_one_build(rebnet, build):
    code, out, err = rebnet("report", build)
    assert (code, out, err) == (0, f"{build / 'report.html'}\n", "")
    assert (build / "report.html").read_text().startswith("<!doctype html>\n")


def test_a_sweep(rebnet, build, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = shutil.copytree(build, tmp_path / "other")
    assert rebnet("report", build, other) == (0, "build/report.html\n", "")
    text = (tmp_path / "build" / "report.html").read_text()
    assert f"{build}, {other}" in text


def test_another_place(rebnet, build, tmp_path):
    page = tmp_path / "a" / "b.html"
    assert rebnet("report", build, "--output", page) == (0, f"{page}\n", "")


def test_no_build(refuse, tmp_path):
    message = f"{tmp_path}: holds no network.json; name a folder that 'rebnet compile' made"
    refuse(message, "report", tmp_path, "--output", tmp_path / "page.html")


def test_a_damaged_record(refuse, build):
    (build / "simulation.json").write_text('{"schema": 1, "dataset": 3}')
    refuse(
        f"{build / 'simulation.json'}: key 'dataset' holds 3, it must hold a text of 1 to 10,000 characters; run the "
        "stage that writes it again",
        "report",
        build,
    )


def test_a_place_that_cannot_be_written(refuse, build):
    page = build / "network.json" / "page.html"
    refuse(f"{page}: a file stands where a folder is needed; name another --output", "report", build, "--output", page)


@pytest.mark.parametrize("options", [[], ["--output", "x.html"]])
def test_no_folder_at_all(rebnet, options):
    code, _, err = rebnet("report", *options)
    assert code == 2
    assert "Traceback" not in err
