"""Built simulators that are kept: found whole or not at all, only this user's, and not for ever."""

import os
import re
import time

import pytest

from rebnet.errors import OutputError
from rebnet.simulate import cache

NAME = cache.key("a", "b")


@pytest.fixture
def folder(tmp_path):
    return cache.open_folder(tmp_path / "deep" / "simulators")


@pytest.fixture
def kept(folder, tmp_path):
    (tmp_path / "made").write_bytes(b"a program")
    return cache.keep(folder, NAME, tmp_path / "made")


def test_the_folder_is_its_users_alone(folder, kept):
    assert folder.stat().st_mode & 0o777 == kept.stat().st_mode & 0o777 == 0o700


def test_what_was_kept_is_found(folder, kept, tmp_path):
    assert cache.find(folder, NAME) == kept
    assert cache.find(folder, cache.key("ab", "")) is None
    assert cache.keep(folder, NAME, tmp_path / "made") == kept
    assert list(folder.iterdir()) == [kept]


def test_parts_do_not_run_together():
    assert len({cache.key("ab", "c"), cache.key("a", "bc"), cache.key("abc"), cache.key("abc", "")}) == 4


def shortened(path):
    path.write_bytes(path.read_bytes()[:-1])


def linked(path):
    path.rename(path.parent / "elsewhere")
    path.symlink_to("elsewhere")


def piped(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("damage", [shortened, linked, piped, lambda path: path.chmod(0o722)])
def test_a_damaged_one_is_made_again(folder, kept, tmp_path, damage):
    damage(kept)
    assert cache.find(folder, NAME) is None
    assert cache.keep(folder, NAME, tmp_path / "made") == kept
    assert cache.find(folder, NAME) == kept


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_another_users(folder, kept):
    os.chown(kept, 12345, -1)
    assert cache.find(folder, NAME) is None
    os.chown(folder, 12345, -1)
    with pytest.raises(OutputError, match=r"owner 12345, mode 700\); name another --cache-dir$"):
        cache.open_folder(folder)


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_a_folder_that_others_may_write(folder, mode):
    folder.chmod(mode)
    message = (
        f"{folder}: the simulators in this folder are run, and it is another user's or others may write there (owner "
        f"{os.geteuid()}, mode {mode:o}); name another --cache-dir"
    )
    with pytest.raises(OutputError, match=f"^{re.escape(message)}$"):
        cache.open_folder(folder)


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    message = (
        f"{tmp_path}/file/simulators: simulators cannot be kept in this folder (a file stands in its way); make room "
        "or change its permissions, or name another --cache-dir"
    )
    with pytest.raises(OutputError, match=f"^{re.escape(message)}$"):
        cache.open_folder(tmp_path / "file" / "simulators")


def test_old_ones_go_and_what_is_not_ours_stays(folder, kept, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "MOST", 3)
    (folder / "mine.txt").touch()
    (folder / ".new-half").touch()
    entries = [kept]
    for number in range(5):
        (tmp_path / "made").write_bytes(b"%d" % number)
        entries.append(cache.keep(folder, cache.key(str(number)), tmp_path / "made"))
    cache.drop_old(folder)
    assert len(list(folder.iterdir())) == 8  # all were used a moment ago
    for age, path in enumerate([*reversed(entries), folder / ".new-half", folder / "mine.txt"]):
        then = time.time() - cache.RECENT_S - 60 - age
        os.utime(path, (then, then))
    assert cache.find(folder, NAME) == kept  # used again, so the newest
    cache.drop_old(folder)
    assert set(folder.iterdir()) == {kept, entries[-1], entries[-2], folder / "mine.txt"}
