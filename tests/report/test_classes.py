"""Class by class on the page: few classes and many, names, pictures, and what is not there or not whole."""

import re
import shutil

import pytest

from rebnet import flow
from rebnet.errors import FileFormatError
from rebnet.files import read_json, write_record
from rebnet.report import report

OLDER = ("inputs", "dataset", "engine", "images", "levels", "accuracy", "float_accuracy")
"""Keys that an older evaluation.json has."""


@pytest.fixture
def evaluated(build):
    flow.evaluate(build, "digits")
    return build


def page(build, tmp_path):
    return report([build], tmp_path / "page.html").read_text()


def change(build, **changes):
    record = read_json(build / "evaluation.json")
    write_record(build / "evaluation.json", {**record, **changes})


def test_counts_matrix_and_pictures(evaluated, tmp_path):
    record = read_json(evaluated / "evaluation.json")
    text = page(evaluated, tmp_path)
    section = text[text.index('id="classes"') : text.index('id="learning"')]
    rows = re.findall(r"<tr>(.*?)</tr>", section[section.index('id="confusion"') :].split("</table>")[0])
    counts = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows[1:]]
    assert [sum(int(n.replace("·", "0")) for n in row) for row in counts] == record["class_images"]
    assert [int(row[place].replace("·", "0")) for place, row in enumerate(counts)] == record["class_correct"]
    assert section.count('role="img"') == len(record["wrong"]) == 24
    first = record["wrong"][0]
    assert f"test image {first['index']}: {first['label']}, taken for {first['prediction']}" in section
    assert "data:image/png;base64," in section


def test_names_are_shown_and_escaped(evaluated, tmp_path):
    change(evaluated, class_names=[f"<b>{place}" for place in range(10)])
    text = page(evaluated, tmp_path)
    assert "&lt;b&gt;7" in text
    assert "<b>7" not in text


@pytest.mark.parametrize("spoil", [
    lambda path: path.unlink(),
    lambda path: path.write_bytes(path.read_bytes() + b"x"),
    lambda path: (shutil.move(path, path.with_suffix(".moved")), path.symlink_to(path.with_suffix(".moved"))),
])  # fmt: skip
def test_pictures_of_something_else_are_not_shown(evaluated, tmp_path, spoil):
    spoil(evaluated / "evaluation.png")
    text = page(evaluated, tmp_path)
    assert "data:image/png" not in text
    assert "evaluation.png, with their pictures, is not there or is of other images." in text
    assert 'id="wrong"' in text


def test_many_classes_show_the_worst(evaluated, tmp_path):
    """The worst classes and the most frequent confusions, no matrix."""
    count = 1000
    right = 50 * 990 + sum(range(10))
    change(evaluated, class_names=[], classes=count)
    change(evaluated, class_images=[50] * count, class_correct=[50] * 990 + list(range(10)),
           confusions=[{"label": 990 + place, "prediction": 3, "images": 50 - place} for place in range(9)],
           confusions_left_out=41, wrong=[], images=50 * count, accuracy=round(100 * right / 50 / count, 4),
           float_accuracy=50.0)  # fmt: skip
    text = page(evaluated, tmp_path)
    assert "the 20 worst of 1,000 classes" in text
    assert 'id="confusion"' not in text
    assert '<th scope="row">990</th><td>50</td><td>0</td><td>0.00</td>' in text
    assert '<th scope="row">990</th><td class="words">3</td><td>50</td><td>100.00</td>' in text


def test_nothing_wrong(evaluated, tmp_path):
    change(evaluated, class_correct=read_json(evaluated / "evaluation.json")["class_images"], confusions=[],
           wrong=[], accuracy=100.0)  # fmt: skip
    assert "No image is wrong." in page(evaluated, tmp_path)


def test_an_older_record_says_how_to_get_them(evaluated, tmp_path):
    record = read_json(evaluated / "evaluation.json")
    older = {key: record[key] for key in OLDER}
    write_record(evaluated / "evaluation.json", older)
    text = page(evaluated, tmp_path)
    assert "evaluation.json does not count class by class." in text
    assert f"rebnet evaluate {evaluated} --dataset digits" in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_images": [1]}, "key 'class_images' holds 1 entries, it must hold one for each of 10 classes"),
        ({"class_correct": [10**6] * 10}, "key 'class_correct[0]' holds 1,000,000, it must hold at most 42, the images "
         "of the class"),
        ({"class_names": ["a"]}, "key 'class_names' holds 1 entries, it must hold one for each of 10 classes"),
        ({"wrong": [{"index": 0, "label": 10, "prediction": 0, "lead": 1}]}, "key 'wrong[0].label' holds 10, it must "
         "hold at most 9, the last class"),
        ({"confusions": []}, "key 'class_images' and the others of classes do not add up to the 360 images"),
        ({"accuracy": 50.0}, "key 'accuracy' holds 50.0, key 'class_correct' {} of 360 images"),
    ],
)  # fmt: skip
def test_counts_that_do_not_belong_together(evaluated, tmp_path, changes, message):
    record = read_json(evaluated / "evaluation.json")
    change(evaluated, **changes)
    message = message.replace("{}", str(sum(record["class_correct"])))
    message = message.replace("at most 42", f"at most {record['class_images'][0]}")
    message = f"{evaluated / 'evaluation.json'}: {message}; run the stage that writes it again"
    with pytest.raises(FileFormatError, match=f"^{re.escape(message)}$"):
        page(evaluated, tmp_path)


def test_a_key_that_is_missing(evaluated, tmp_path):
    record = read_json(evaluated / "evaluation.json")
    write_record(evaluated / "evaluation.json", {key: value for key, value in record.items() if key != "wrong"})
    with pytest.raises(FileFormatError, match="key 'wrong' is missing though key 'classes' is there"):
        page(evaluated, tmp_path)
