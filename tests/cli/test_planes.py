"""Weights of several planes on the command line: what a folding says of them."""

from rebnet.cli.compile import _layers
from rebnet.records.folding import FoldedLayer, Folding


def folding(*layers: FoldedLayer) -> Folding:
    return Folding(
        levels=1,
        layers=layers,
        fifos=(),
        samples_per_beat=1,
        bound_cycles=1,
        predicted_cycles_per_image=1.0,
        predicted_latency_cycles=1,
        limiting_fifos=(),
    )


def headings(of: Folding) -> list[str]:
    return [str(column.header) for column in _layers(of).columns]


def test_lanes_of_planes_have_a_column_where_a_layer_has_several():
    one = FoldedLayer(name="layer_1", pe=2, simd=3, level_lanes=1, cycles=5)
    many = FoldedLayer(name="layer_2", pe=2, simd=3, level_lanes=1, plane_lanes=4, cycles=5)
    assert headings(folding(one)) == ["layer", "PE", "SIMD", "level lanes", "cycles per image"]
    assert headings(folding(one, many)) == ["layer", "PE", "SIMD", "level lanes", "plane lanes", "cycles per image"]
    cells = [list(column.cells) for column in _layers(folding(one, many)).columns]
    assert [column[0] for column in cells] == ["layer_1", "2", "3", "1", "1", "5"]
    assert [column[1] for column in cells] == ["layer_2", "2", "3", "1", "4", "5"]
