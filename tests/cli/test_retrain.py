"""`rebnet retrain`: the same training from its record, and refusals whole."""

import json

TRAIN = ("train", "--network", "8x8x1 - D16 - D10", "--dataset", "digits", "--epochs", 1, "--seed", 2)


def without_request(path):
    """The bytes of a file; of a record without what its verb was asked for, which is another for `retrain`."""
    if path.suffix != ".json":
        return path.read_bytes()
    return {key: value for key, value in json.loads(path.read_text()).items() if key != "request"}


def test_trains_what_the_record_tells(rebnet, tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    assert rebnet(*TRAIN, "--output", first)[0] == 0
    code, out, err = rebnet("retrain", first, "--output", again)
    assert code == 0
    assert "1 of 1: M = 1, 1 epoch\n" in err
    assert "test_accuracy" in out
    for name in ("training.json", "model.safetensors"):
        assert without_request(again / name) == without_request(first / name)
    before = (again / "training.json").read_bytes()
    assert rebnet("retrain", first, "--seed", 5, "--output", again)[0] == 2
    assert (again / "training.json").read_bytes() == before
    other = tmp_path / "other"
    assert rebnet("retrain", first, "--seed", 5, "--output", other)[0] == 0
    assert json.loads((other / "training.json").read_text())["seed"] == 5


def test_not_a_run(refuse, tmp_path):
    missing = tmp_path / "missing"
    refuse(
        f"{missing}: no such folder; name one that 'rebnet train' made, or a network of the zoo, such as "
        "zoo:mnist-arch-1-m1",
        *("retrain", missing, "--output", tmp_path / "run"),
    )
    refuse(
        f"{tmp_path / 'training.json'}: no such file; the stage that writes it has not run",
        *("retrain", tmp_path, "--output", tmp_path / "run"),
    )
