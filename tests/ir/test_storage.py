"""Two files on disk: round trips at every stage, and every kind of damage."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ir.networks import exported, tiny

from rebnet.errors import FileFormatError, SchemaError
from rebnet.ir.notation import Folding
from rebnet.ir.ops import same
from rebnet.ir.storage import NETWORK_FILE, TENSOR_FILE, load, save
from rebnet.lower import PASSES, lower
from rebnet.lower.fix_levels import fix_levels

AGAIN = "write it again with the command that made it"


def stages(network):
    """The network after every pass."""
    yield network
    for one_pass in PASSES:
        network = one_pass(network)
        yield network


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_round_trip_at_every_stage(tmp_path, levels):
    for network in stages(exported(levels=levels, dead=0.2, folding=Folding(3, 2))):
        save(network, tmp_path)
        assert load(tmp_path) == network


def test_round_trip_of_fixed_levels_and_lanes(tmp_path):
    network = replace(lower(fix_levels(exported(folding=Folding(3, 2, 2)))), name="näme")
    save(network, tmp_path)
    assert load(tmp_path) == network


def test_numbers_survive_exactly(tmp_path):
    network = tiny()
    extreme = np.asarray([1e300, 0.1])
    norm = replace(network.ops[1], variance=extreme, mean=-extreme, bias=np.asarray([-0.0, 5e-324]))
    network = network.with_ops((network.ops[0], norm, *network.ops[2:]))
    save(network, tmp_path)
    restored = load(tmp_path)
    assert restored == network
    assert math.copysign(1, restored.ops[1].bias[0]) == -1


@pytest.mark.parametrize("peak", [0, 127, 128, -129, 32768, 2**31 - 1, -(2**38)])
def test_integers_survive_exactly(tmp_path, peak):
    network = lower(tiny())
    bias = np.asarray([[peak, 0], [0, -1]], dtype=np.int64)
    network = network.with_ops((*network.ops[:-1], replace(network.ops[-1], bias=bias)))
    save(network, tmp_path)
    restored = load(tmp_path)
    assert restored == network
    assert restored.ops[-1].bias.dtype == np.int64


def test_the_record_says_what_it_was_made_from(tmp_path):
    save(tiny(), tmp_path, training="abc")
    record = json.loads((tmp_path / NETWORK_FILE).read_text())
    assert record["inputs"] == {"training": "abc"}
    assert record["weight_bytes"] == 4
    assert record["schema"] == 1


def test_the_same_network_gives_the_same_files(tmp_path):
    for folder in ("a", "b"):
        save(exported(), tmp_path / folder)
    for name in (NETWORK_FILE, TENSOR_FILE):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def refusal(folder):
    with pytest.raises(FileFormatError) as caught:
        load(folder)
    return str(caught.value)


@pytest.mark.parametrize("name", [NETWORK_FILE, TENSOR_FILE])
def test_a_missing_file(tmp_path, name):
    save(tiny(), tmp_path)
    (tmp_path / name).unlink()
    assert refusal(tmp_path) == f"{tmp_path / name}: no such file; the stage that writes it has not run"


def test_the_partner_of_another_network(tmp_path):
    save(tiny(), tmp_path)
    save(exported(), tmp_path / "other")
    (tmp_path / "other" / TENSOR_FILE).replace(tmp_path / TENSOR_FILE)
    assert refusal(tmp_path) == (
        f"{tmp_path / NETWORK_FILE}: belongs to another {TENSOR_FILE}; write both again with the command that made them"
    )


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_tensors(tmp_path, data):
    save(tiny(), tmp_path)
    raw = bytearray((tmp_path / TENSOR_FILE).read_bytes())
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        position = data.draw(st.integers(0, len(raw) - 1))
        raw[position] ^= data.draw(st.integers(1, 255))
    (tmp_path / TENSOR_FILE).write_bytes(raw)
    refusal(tmp_path)


def test_not_a_tensor_file_at_all(tmp_path):
    save(tiny(), tmp_path)
    (tmp_path / TENSOR_FILE).write_bytes(b"hello")
    assert refusal(tmp_path).startswith(f"{tmp_path / TENSOR_FILE}: not a readable safetensors file (")


@pytest.fixture
def rewrite(tmp_path):
    """Save a network, let a function edit its record, and return what `load` says about it."""

    def change(function, network=None):
        save(lower(tiny()) if network is None else network, tmp_path)
        record = json.loads((tmp_path / NETWORK_FILE).read_text())
        function(record)
        (tmp_path / NETWORK_FILE).write_text(json.dumps(record))
        return refusal(tmp_path).removeprefix(f"{tmp_path / NETWORK_FILE}: ")

    return change


def setter(*path, value):
    def change(record):
        for key in path[:-1]:
            record = record[key]
        record[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("served",), [], "'served' is empty; it lists the level counts that the network runs at"),
        (("served",), [1.0, 2.0], "'served' holds 1.0, it must hold a whole number"),
        (("served",), [1], "tiny: serves levels (1,); must be (1, 2) or (2,)"),
        (("input", "height"), 1.0, "'height' holds 1.0, it must hold a whole number"),
        (("input", "depth"), 1, "PixelInput.__init__() got an unexpected keyword argument 'depth'"),
        (("ops",), [], "tiny: no operations; a network has at least one dense layer"),
        (("ops", 0), 7, "an operation is 7, it must be an object"),
        (("ops", 0), {}, "'op' is missing or unknown"),
        (("ops", 0, "op"), "Pool", "'Pool' is missing or unknown"),
        (("ops", 0, "op"), "Conv", "'window' is missing or unknown"),
        (("ops", 0, "colour"), 1, "'colour' is missing or unknown"),
        (("ops", 0, "rows"), 2.0, "'rows' holds 2.0, it must hold a whole number"),
        (("ops", 0, "columns"), True, "'columns' holds True, it must hold a whole number"),
        (("ops", 0, "name"), 5, "'name' holds 5, it must hold a text"),
        (("ops", 0, "scale"), "1", "'scale' holds '1', it must hold a number"),
        (("ops", 0, "scale"), 10**400, "int too large to convert to float"),
        (("ops", 0, "gains"), 3, "'gains' holds 3, it must hold a list"),
        (("ops", 0, "gains"), [[2, 1], [2, 1.5]], "'gains' holds 1.5, it must hold a whole number"),
        (("ops", 0, "folding"), [0, 1, None], "tiny, operation 1, Dense layer1: PE=0; use at least 1"),
        (("ops", 0, "folding"), [1, 1], "'folding' holds [1, 1], it must hold PE, SIMD and level lanes"),
        (("levels",), 10**30, f"tiny: levels={10**30}; must be 1 to 8"),
        (("threshold_bits",), 99, "tiny: threshold_bits=99; must be 4 to 32"),
    ],
)
def test_nonsense_in_the_record(rewrite, path, value, reason):
    assert rewrite(setter(*path, value=value)) == f"not a network ({reason}); {AGAIN}"


@pytest.mark.parametrize("key", ["name", "levels", "served", "threshold_bits", "input", "ops", "tensors_sha256"])
def test_a_missing_key(rewrite, key):
    assert rewrite(lambda record: record.pop(key)).startswith(f"key {key!r} is missing, it must hold ")


def test_a_missing_field_of_an_operation(rewrite):
    assert (
        rewrite(lambda record: record["ops"][0].pop("rows")) == f"not a network ('rows' is missing or unknown); {AGAIN}"
    )


def test_another_schema_version(tmp_path):
    save(tiny(), tmp_path)
    record = json.loads((tmp_path / NETWORK_FILE).read_text())
    (tmp_path / NETWORK_FILE).write_text(json.dumps(record | {"schema": 999}))
    with pytest.raises(SchemaError):
        load(tmp_path)


def places(value, path=()):
    """The path of every value within a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from([0, 1, -1, 2, 10**40]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)
STAGES = list(stages(tiny()))


@given(st.data())
@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_edit_is_read_as_a_legal_network_or_refused(tmp_path, data):
    """Whatever `load` accepts saves and loads again; whatever it refuses is a FileFormatError."""
    stage = data.draw(st.integers(0, len(STAGES) - 1))
    folder = tmp_path / f"stage{stage}"
    if not folder.exists():
        save(STAGES[stage], folder)
        (folder / NETWORK_FILE).rename(folder / "original.json")
    record = json.loads((folder / "original.json").read_text())
    path = data.draw(st.sampled_from(list(places(record))))
    target = record
    for key in path[:-1]:
        target = target[key]
    if data.draw(st.booleans()):
        del target[path[-1]]
    else:
        target[path[-1]] = data.draw(JSON)
    (folder / NETWORK_FILE).write_text(json.dumps(record))
    try:
        network = load(folder)
    except FileFormatError:
        return
    save(network, tmp_path / "again")
    assert same(load(tmp_path / "again"), network)
