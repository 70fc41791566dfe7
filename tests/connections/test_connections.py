"""Every kind of place: the CPU's scores, names, shapes, levels and refusals."""

import copy
import os
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

import rebnet
from rebnet import datasets
from rebnet.connections import KINDS
from rebnet.connections.place import Place
from rebnet.engine.connection import Connection
from rebnet.engine.predictor import Predictor
from rebnet.errors import DatasetError, FileFormatError, OptionError

pytestmark = pytest.mark.rtl
IMAGES = datasets.load("digits").test_images


@pytest.fixture
def cpu(simulated: Path) -> Predictor:
    return rebnet.load(simulated)


def test_scores_labels_and_names(connection: Connection, cpu: Predictor):
    images = IMAGES[:7]
    assert isinstance(connection, Connection)
    scores = connection.predict(images)
    assert scores.dtype == np.int64
    assert (scores == cpu.predict(images)).all()
    assert (connection.labels(images) == cpu.labels(images)).all()
    assert connection.names(images) == cpu.names(images)
    assert connection.classes == cpu.classes
    assert connection.network == cpu.network
    assert (connection.run(images, 2, lambda done: None) == cpu.run(images, 2, lambda done: None)).all()


def test_levels_of_all_and_of_each(connection: Connection, cpu: Predictor):
    images = IMAGES[7:13]
    every = [cpu.predict(images, m) for m in (1, 2, 3)]
    assert not (every[0] == every[2]).all()
    for m in (1, 2, 3):
        assert (connection.predict(images, m) == every[m - 1]).all()
    own = [3, 1, 2, 1, 3, 2]
    assert (connection.predict(images, own) == [every[m - 1][i] for i, m in enumerate(own)]).all()
    assert (connection.labels(images, own) == cpu.labels(images, own)).all()


def test_one_image_none_and_strides(connection: Connection, cpu: Predictor):
    image = IMAGES[3]
    assert connection.predict(image).shape == (10,)
    assert (connection.predict(image[..., 0]) == cpu.predict(image)).all()
    assert connection.labels(image).shape == ()
    assert connection.predict(IMAGES[:0]).shape == (0, 10)
    turned = IMAGES[:4, ::-1, :, :]
    assert (connection.predict(turned) == cpu.predict(np.ascontiguousarray(turned))).all()
    assert (connection.predict(IMAGES[:2].tolist()) == cpu.predict(IMAGES[:2])).all()


def test_what_is_refused(connection: Connection, cpu: Predictor):
    """In the same words everywhere, and without harm to what comes next."""
    cases = [
        (DatasetError, IMAGES[:2, :7], None),
        (DatasetError, IMAGES[:2].astype(np.int32), None),
        (DatasetError, "a cat", None),
        (OptionError, IMAGES[:2], 0),
        (OptionError, IMAGES[:2], 4),
        (OptionError, IMAGES[:2], [1, 7]),
        (OptionError, IMAGES[:2], [1, 2, 3]),
    ]
    for kind, images, levels in cases:
        with pytest.raises(kind) as error:
            connection.predict(images, levels)
        with pytest.raises(kind) as expected:
            cpu.predict(images, levels)
        assert str(error.value) == str(expected.value)
    with pytest.raises(OptionError, match="its scores are those of classes"):
        connection.values(IMAGES[:1])
    assert (connection.predict(IMAGES[:2]) == cpu.predict(IMAGES[:2])).all()


def test_threads_take_turns(connection: Connection, cpu: Predictor):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda first: connection.predict(IMAGES[first : first + 3]), range(0, 24, 3)))
    assert (np.concatenate(answers) == cpu.predict(IMAGES[:24])).all()


def test_close_twice_and_then_no_more(connection: Connection):
    connection.predict(IMAGES[:1])
    connection.close()
    connection.close()
    if isinstance(connection, Predictor):
        assert connection.predict(IMAGES[:1]).shape == (1, 10)
        return
    with pytest.raises(OptionError, match=r": the connection is closed; connect again$"):
        connection.predict(IMAGES[:1])
    assert threading.active_count() >= 1


def forked(connection: Connection, expected: np.ndarray) -> int:
    """The status of a child that is forked: 0 where the connection refuses it, and lets itself be closed.

    A predictor has nothing that processes could not share, so there it is 0 where the scores are `expected`.
    """
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        code = 1
        try:
            found = connection.predict(IMAGES[:1])
            code = 0 if isinstance(connection, Predictor) and (found == expected).all() else 1
        except OptionError:
            connection.close()
            code = int(isinstance(connection, Predictor))
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_another_process_may_not_go_on(connection: Connection):
    """A child that was forked says so, and its end leaves the parent's connection as it is."""
    before = connection.predict(IMAGES[:1])
    assert forked(connection, before) == 0
    assert (connection.predict(IMAGES[:1]) == before).all()


def test_a_fork_while_a_thread_has_its_turn(connection: Connection):
    """A lock that is held at the fork is held in the child for good; the child must not wait for it."""
    before = connection.predict(IMAGES[:1])
    turn = nullcontext() if isinstance(connection, Predictor) else connection._turns.one()
    with turn:
        assert forked(connection, before) == 0
    assert (connection.predict(IMAGES[:1]) == before).all()


def test_what_is_copied_and_pickled(connection: Connection):
    """A predictor, which holds nothing but the network; nothing else is."""
    acts = (lambda one: pickle.loads(pickle.dumps(one)), copy.copy, copy.deepcopy)
    for act in acts:
        if isinstance(connection, Predictor):
            assert (act(connection).predict(IMAGES[:2]) == connection.predict(IMAGES[:2])).all()
            continue
        with pytest.raises(OptionError, match="stays in the process that opened it"):
            act(connection)


def test_a_network_of_the_zoo_and_a_folder():
    assert rebnet.connect("zoo:mnist-arch-1-m1").network.levels == 1
    with pytest.raises(FileFormatError, match="nowhere"):
        rebnet.connect("nowhere")
    with pytest.raises(FileFormatError, match="no-such:thing"):
        rebnet.connect(Path("no-such:thing"))


def test_places_that_are_none(simulated: Path):
    for where, build, words in (
        ("vme:crate", None, f"nothing is reached by 'vme:'; use the folder of a build, zoo:NAME, or one of "
         f"{', '.join(f'{kind}:' for kind in KINDS)}"),
        ("simulator:", None, "nothing stands behind the colon; name a folder or a device there"),
        (f"simulator:{simulated}?stalls", None, "'stalls' is no option; write NAME=VALUE, each name once"),
        (f"simulator:{simulated}?pace=3", None, "there is no option 'pace'; it knows stalls"),
        (f"simulator:{simulated}?stalls=no", None, "stalls=no is no whole number from 0 below 2^31; give one"),
        (f"simulator:{simulated}?stalls=1.5", None, "stalls=1.5 is no whole number from 0 below 2^31; give one"),
        (f"simulator:{simulated}", simulated, "names a build itself"),
        (f"{simulated}", simulated, "is a network itself"),
    ):  # fmt: skip
        with pytest.raises(OptionError) as error:
            rebnet.connect(where, build)
        assert words in str(error.value)


def test_a_seed_may_be_0(simulated: Path, cpu: Predictor):
    with rebnet.connect(f"simulator:{simulated}?stalls=0") as there:
        assert (there.predict(IMAGES[:3]) == cpu.predict(IMAGES[:3])).all()
    for number in ("nan", "inf", "-1", "1e30"):
        with pytest.raises(OptionError, match="is no whole number from 0 below"):
            rebnet.connect(f"simulator:{simulated}?stalls={number}")
        with pytest.raises(OptionError, match="is no number above 0 and below"):
            Place.read(f"serial:x?timeout={number}").numbers("timeout")
    with pytest.raises(OptionError, match="is no whole number; give one"):
        Place.read("serial:x?baud=1.5").numbers("baud", whole="baud")


def test_place():
    place = Place.read("serial:/dev/ttyUSB0?baud=925000&timeout=2.5")
    assert place.name == "/dev/ttyUSB0"
    assert place.numbers("baud", "timeout") == {"baud": 925000, "timeout": 2.5}
    with pytest.raises(OptionError, match="each name once"):
        Place.read("serial:x?baud=1&baud=2")
