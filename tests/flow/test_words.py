"""Words of a network of the zoo are those of its build."""

import re

import pytest

from rebnet import flow
from rebnet.errors import FileFormatError, FoldingError, OptionError


@pytest.mark.parametrize(
    ("options", "name"), [({}, "any"), ({"threshold_bits": 20}, "m2"), ({"fixed_levels": True}, "m2")]
)
def test_words_of_the_zoo(tmp_path, options, name):
    """With the levels and the width of thresholds of the accelerator, and the hash that `compile` gives."""
    other = f"zoo:mnist-arch-1-{name}"
    made = "zoo:mnist-arch-1-m3" if name == "any" else other
    flow.compile(made, tmp_path / "build", folding="paper", runtime_weights=True, **options)
    flow.compile(other, tmp_path / "other", until="lower", **options)
    found = flow.generate(tmp_path / "build", target="weights", network=other, output=tmp_path / "found")
    expected = flow.generate(
        tmp_path / "build", target="weights", network=tmp_path / "other", output=tmp_path / "expected"
    )
    assert found == expected
    assert (tmp_path / "found/weights.bin").read_bytes() == (tmp_path / "expected/weights.bin").read_bytes()


def test_what_is_refused_names_the_network_of_the_zoo(tmp_path):
    build = tmp_path / "build"
    flow.compile("zoo:mnist-arch-1-m1", build, folding="paper", runtime_weights=True)
    with pytest.raises(FoldingError, match=r"^zoo:mnist-arch-1-m2: takes .* and serves m = 1, 2, and the accelerator"):
        flow.generate(build, target="weights", network="zoo:mnist-arch-1-m2")
    with pytest.raises(OptionError, match=r"^network 'zoo:none' is not in the zoo; use zoo:"):
        flow.generate(build, target="weights", network="zoo:none")
    with pytest.raises(
        OptionError, match=r"^network=zoo:mnist-arch-1-m1: is whose words are written, with --target weights"
    ):
        flow.generate(build, target="rtl", network="zoo:mnist-arch-1-m1")
    with pytest.raises(FileFormatError, match=re.escape(f"{tmp_path / 'none' / 'network.json'}: no such file")):
        flow.generate(tmp_path / "none", target="weights", network="zoo:mnist-arch-1-m1")
    assert not (build / "weights").exists()
