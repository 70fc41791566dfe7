"""The runner of console blocks: what it takes, and what it does not let pass."""

from pathlib import Path

import pytest

from .pages import Block, blocks
from .transcripts import Transcript, run, transcript

PAGE = """\
# A page

<!-- console: varies speed rate, needs mnist -->
```console
$ printf 'speed  12\\n'; \\
  echo 'same 3'
speed  99
same 3
```

```console
$ false
```

<!-- console: silent -->
```console
$ cd . && true
```
"""


@pytest.fixture
def shown(tmp_path: Path) -> tuple[list[Block], Path]:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    return blocks(page), tmp_path


def test_what_is_run(shown: tuple[list[Block], Path]) -> None:
    (output, none, silent), folder = shown
    first = transcript(PAGE, output)
    assert first is not None
    assert (first.varies, first.needs) == (("speed", "rate"), ("mnist",))
    run(first, folder, "page")
    assert transcript(PAGE, none) is None
    assert transcript(PAGE, silent) == Transcript((("cd . && true", ""),), (), ())


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("echo 'same 4'", "same 3\n"),  # a number that may not vary
        ("echo 'speed is 3'", "speed was 4\n"),  # words beside one that may
        ("echo more; echo 'same 3'", "same 3\n"),
        ("true", "same 3\n"),
        ("echo same; false", "same\n"),
        ("echo noise", ""),  # of a silent block
    ],
)
def test_what_does_not_pass(command: str, output: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="page, line 7"):
        run(Transcript(((command, output),), ("speed",), ()), tmp_path, "page, line 7")


@pytest.mark.parametrize("mark", ["varies", "silent now", "slow"])
def test_marks_that_are_none(mark: str) -> None:
    page = f"<!-- console: {mark} -->\n```console\n$ true\n```\n"
    with pytest.raises(AssertionError, match="varies NAME, needs DATASET, silent"):
        transcript(page, Block("console", "$ true\n", 3))
