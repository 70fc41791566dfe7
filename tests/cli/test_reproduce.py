"""`rebnet reproduce`: what it prints, and refusals whole."""

from tests.cli.test_help import plain

from rebnet import zoo
from rebnet.files import read_json


def test_prints_the_table_and_the_files(rebnet, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    code, out, err = rebnet("reproduce", "table3", "--dataset", "mnist", "--output", tmp_path)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[-4:] == [str(tmp_path / f"table3.{kind}") for kind in ("json", "md", "svg", "png")]
    assert "MNIST FINN 95.83 630,000" in plain(out)
    shipped = zoo.folder("mnist-arch-1-m3")
    real = read_json(shipped / "training.json")["test_accuracy"]
    integer = read_json(shipped / "evaluation.json")["accuracy"]
    assert f"MNIST zoo:mnist-arch-1-m3 3 {real:.2f} {integer:.2f} 384 520,833" in plain(out)


def test_some_networks_of_the_zoo(rebnet, tmp_path):
    sources = [argument for m in (1, 3) for argument in ("--from", f"zoo:mnist-arch-1-m{m}")]
    code, out, _ = rebnet("reproduce", "figure9", *sources, "--output", tmp_path)
    assert code == 0
    assert plain(out).count("MNIST") == 2


def test_no_widths(rebnet, tmp_path):
    code, out, err = rebnet("reproduce", "figure11", "--dataset", "cifar10", "--output", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.startswith("rebnet: figure 11 compares widths, and no records of cifar10 at two widths were named;")
    assert "rebnet train --network arch-2 --dataset cifar10 --levels 3 --width 1.5 --output runs/cifar10-s1.5-m3" in err
    assert not (tmp_path / "out").exists()


def test_no_records(refuse, tmp_path):
    refuse(
        f"{tmp_path / 'none' / 'training.json'}: no such file; the stage that writes it has not run",
        "reproduce", "table3", "--from", tmp_path / "none", "--output", tmp_path / "out",
    )  # fmt: skip


def test_unknown_target(rebnet):
    code, out, err = rebnet("reproduce", "table9")
    assert (code, out) == (2, "")
    assert (
        "'table9' is not one of 'table3', 'figure9', 'figure10', 'figure11', 'figure12', 'table4', 'repair-study'"
        in plain(err)
    )
