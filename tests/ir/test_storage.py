"""Two files on disk: round trips at every stage, and every kind of damage."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ir.networks import exported, finer, from_text, tiny, tiny_any, tiny_conv, treed, with_own_sets

from rebnet.errors import FileFormatError, SchemaError
from rebnet.ir.notation import Folding
from rebnet.ir.ops import same
from rebnet.ir.storage import NETWORK_FILE, TENSOR_FILE, load, save
from rebnet.lower import PASSES, lower
from rebnet.lower.assign_gains import assign_gains
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


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_round_trip_of_convolutions_at_every_stage(tmp_path, levels):
    text = "7x6x3 - C5(2,9):3x3+same - MP2 - C4:2x2/2 - D6(2,3,2) - D3"
    for pool_behind in (False, True):
        for network in stages(from_text(text, levels, levels, dead=0.2, pool_behind=pool_behind)):
            save(network, tmp_path)
            assert load(tmp_path) == network


def test_how_a_window_is_stored(tmp_path):
    text = "9x9x3 - C5:5x5/2+same - MP2/1 - C4 - MP1x2+0x1 - C4:2x1/1x2+(0,1)x0 - D3"
    save(from_text(text), tmp_path)
    assert load(tmp_path) == from_text(text)
    record = json.loads((tmp_path / NETWORK_FILE).read_text())
    windows = [(op["op"], op["window"]) for op in record["ops"] if "window" in op]
    squares = [("Conv", [5, 2, True]), ("MaxPool", [2, 1, False]), ("Conv", [3, 1, False])]
    pairs = [("MaxPool", [[1, 2], [1, 2], [[0, 0], [1, 1]]]), ("Conv", [[2, 1], [1, 2], [[0, 1], [0, 0]]])]
    assert windows == squares + pairs


def test_groups_are_stored_where_there_are_several(tmp_path):
    network = from_text("4x4x4 - C4%1:1x1 - DW:3x3 - C6%2:1x1 - D3")
    save(network, tmp_path)
    assert load(tmp_path) == network
    record = json.loads((tmp_path / NETWORK_FILE).read_text())
    assert [op.get("groups") for op in record["ops"] if op["op"] == "Conv"] == [None, 4, 2]


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
    network = treed(np.random.default_rng(1), finer(lower(tiny()), 1), share=1)
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
        (("served",), [1], "tiny: serves levels (1,); must be (1, 2) or (2,)"),
        (("input", "depth"), 1, "PixelInput.__init__() got an unexpected keyword argument 'depth'"),
        (("ops", 0, "op"), "Pool", "'Pool' is missing or unknown"),
        (("ops", 0, "op"), "Conv", "Conv.__init__() missing 1 required keyword-only argument: 'window'"),
        (("ops", 0, "colour"), 1, "'colour' is missing or unknown"),
        (("ops", 0, "rows"), 2.0, "'rows' holds 2.0, it must hold a whole number"),
        (("ops", 0, "columns"), True, "'columns' holds True, it must hold a whole number"),
        (("ops", 0, "scale"), "1", "'scale' holds '1', it must hold a number"),
        (("ops", 0, "gains"), 3, "'gains' holds 3, it must hold a list"),
        (("ops", 0, "gains"), [[2, 1], [2, 1.5]], "'gains' holds 1.5, it must hold a whole number"),
        (("ops", 0, "folding"), [0, 1, None], "tiny, operation 1, Dense layer1: PE=0; use at least 1"),
        (("ops", 0, "folding"), [1, 1], "'folding' holds [1, 1], it must hold PE, SIMD and level lanes"),
    ],
)
def test_nonsense_in_the_record(rewrite, path, value, reason):
    assert rewrite(setter(*path, value=value)) == f"not a network ({reason}); {AGAIN}"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("served",), [], "'served' holds [], it must hold a list of 1 to 8 entries"),
        (("served",), [1.0, 2.0], "'served[0]' holds 1.0, it must hold a whole number from 1 to 8"),
        (("served",), [1, 3], "'served' holds 3, it must hold at most 2, the levels of the network"),
        (("input", "height"), 1.0, "'input.height' holds 1.0, it must hold a whole number of at least 1"),
        (("ops",), [], "'ops' holds [], it must hold a list of 1 to 10,000 entries"),
        (("ops", 0), 7, "'ops[0]' holds 7, it must hold an object"),
        (("ops", 0, "name"), 5, "'ops[0].name' holds 5, it must hold a text of 1 to 255 characters"),
        (("ops", 0), {}, "'ops[0].op' is missing, it must hold a text of 1 to 255 characters"),
        (("levels",), 9, "'levels' holds 9, it must hold a whole number from 1 to 8"),
        (("threshold_bits",), 99, "'threshold_bits' holds 99, it must hold a whole number from 1 to 64"),
    ],
)
def test_another_form(rewrite, path, value, message):
    assert rewrite(setter(*path, value=value)) == f"key {message}; run the stage that writes it again"


@pytest.mark.parametrize("path", [("levels",), ("ops", 0, "scale")])
def test_numbers_that_no_record_holds(rewrite, path):
    refusal = f"not valid JSON (1{'0' * 19}… has more digits than any number of a record); {AGAIN}"
    assert rewrite(setter(*path, value=10**400)) == refusal


WINDOW = "it must hold kernel, stride and how the map is padded"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("ops", 0, "window"), 3, "'window' holds 3, it must hold a list"),
        (("ops", 0, "window"), [2, 1], f"'window' holds [2, 1], {WINDOW}"),
        (("ops", 0, "window"), [2, 1, 0], "'window' holds 0, it must hold a list"),
        (("ops", 0, "window"), [[2], 1, False], "'window' holds [2] where it must hold two numbers"),
        (
            ("ops", 0, "window"),
            [2, 1, [[1, 1]]],
            "'window' pads by [[1, 1]], it must hold rows above and below, columns left and right",
        ),
        (("ops", 0, "window"), [2, 1, [[1, 1], [1, 2, 3]]], "'window' holds [1, 2, 3] where it must hold two numbers"),
        (
            ("ops", 0, "window"),
            [[2, 3], 1, [[0, 1], [-1, 0]]],
            "tiny, operation 1, Conv layer1: window 2x3+(0,1)x(-1,0); padding must be less than the kernel, so that "
            "every window holds a part of the map",
        ),
        (("ops", 0, "window"), [2.0, 1, False], "'window' holds 2.0, it must hold a whole number"),
        (("ops", 0, "window"), [2, True, False], "'window' holds True, it must hold a whole number"),
        (
            ("ops", 0, "window"),
            [0, 1, False],
            "tiny, operation 1, Conv layer1: window 0x0; kernel and stride must be at least 1",
        ),
        (
            ("ops", 0, "window"),
            [2, -1, True],
            "tiny, operation 1, Conv layer1: window 2x2/-1+same; kernel and stride must be at least 1",
        ),
        (
            ("ops", 0, "window"),
            [4, 1, False],
            "tiny, operation 1, Conv layer1: window 4x4 does not fit the 3x3 map in front of it",
        ),
        (
            ("ops", 0, "window"),
            [10**15, 1, True],
            f"tiny, operation 1, Conv layer1: window {10**15}x{10**15}+same; kernel and stride must be at most 4096",
        ),
        (
            ("ops", 2, "window"),
            [10**15, 1, False],
            f"tiny, operation 3, MaxPool: window {10**15}x{10**15}; kernel and stride must be at most 4096",
        ),
        (("ops", 2, "rows"), 2, "MaxPool.__init__() got an unexpected keyword argument 'rows'"),
        (("ops", 0, "op"), "Dense", "Dense.__init__() got an unexpected keyword argument 'window'"),
        (("ops", 0, "op"), "MaxPool", "MaxPool.__init__() got an unexpected keyword argument 'rows'"),
    ],
)
def test_nonsense_in_a_window(rewrite, path, value, reason):
    reason = reason.replace("10{}", str(10**30))
    assert rewrite(setter(*path, value=value), tiny_conv()) == f"not a network ({reason}); {AGAIN}"


@pytest.mark.parametrize(("position", "kind"), [(0, "Conv"), (2, "MaxPool")])
def test_a_missing_window(rewrite, position, kind):
    network = from_text("3x3x1 - C1 - MP1 - D2")  # 3x3, stride 1, is what the notation would take
    reason = rewrite(lambda record: record["ops"][position].pop("window"), network)
    word = "keyword-only" if kind == "Conv" else "positional"
    assert reason == f"not a network ({kind}.__init__() missing 1 required {word} argument: 'window'); {AGAIN}"


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
STAGES = [*stages(tiny()), *stages(tiny_conv())]


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


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_round_trip_of_any_level_networks_at_every_stage(tmp_path, levels):
    text = "7x6x3 - C5(2,9):3x3+same - MP2 - C4:2x2/2 - D6(2,3,2) - D3"
    for network in stages(with_own_sets(from_text(text, levels, levels, dead=0.2))):
        save(network, tmp_path)
        assert load(tmp_path) == network


def test_how_numbers_for_every_level_count_are_stored(tmp_path):
    save(assign_gains(tiny_any()), tmp_path)
    ops = json.loads((tmp_path / NETWORK_FILE).read_text())["ops"]
    assert [op["unit"] for op in ops if "unit" in op] == [1 / 3, [0.5, 0.25]]
    assert ops[2]["gammas"] == [0.75, 0.25]
    assert ops[2]["fewer"] == [[[0.5], 0]]
    save(assign_gains(tiny()), tmp_path)
    ops = json.loads((tmp_path / NETWORK_FILE).read_text())["ops"]
    assert [op["unit"] for op in ops if "unit" in op] == [1 / 3, 0.25]
    assert "fewer" not in ops[2]


@pytest.mark.parametrize("fewer", [0.5, [0.5], [[0.5]], [[[0.5]]], [[[0.5], 0, 0]], [[[0.5], 0.5]], [[["a"], 0]]])
def test_damaged_numbers_for_fewer_levels(tmp_path, fewer):
    save(tiny_any(), tmp_path)
    record = json.loads((tmp_path / NETWORK_FILE).read_text())
    record["ops"][2]["fewer"] = fewer
    (tmp_path / NETWORK_FILE).write_text(json.dumps(record))
    with pytest.raises(FileFormatError, match="not a network"):
        load(tmp_path)
