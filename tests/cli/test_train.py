"""`rebnet train`: every refusal whole, and Ctrl-C."""

import gzip
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from rebnet.datasets import NAMES
from rebnet.nn.networks import NETWORKS

NETWORK = "8x8x1 - D16 - D10"


@pytest.fixture
def one_thread():
    """Small trainings beside each other: more threads than cores only wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def train(network=NETWORK, dataset="digits", output="run", *more):
    return "train", "--network", network, "--dataset", dataset, "--output", output, *more


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "arch-9",
            f"network 'arch-9': not a known name; use one of {', '.join(sorted(NETWORKS))}, or a text such as "
            "'28x28x1 - D64 - D10'",
        ),
        (
            "8x8 - D10",
            "network text, token 1, '8x8': the image must come first as HEIGHTxWIDTHxCHANNELS, each at least 1, such "
            "as 28x28x1; tokens are separated by ' - '",
        ),
        (
            "8x8x1 - E64 - D10",
            "network text, token 2, 'E64': not a layer; legal is a dense layer D<outputs>, D<outputs>(PE,SIMD) or "
            "D<outputs>(PE,SIMD,LANES), such as D256(16,64), a convolution C<channels> with an optional (PE,SIMD) and "
            ":KxK/STRIDE+same, such as C96(32,33):11x11/4, in groups with %GROUPS behind its channels, such as C32%4, "
            "or a depthwise one, such as DW:3x3+same, a max-pool MP<size>/STRIDE, such as MP2 or MP3/2, an "
            "average pool AP<size>/STRIDE or GAP, PReLU or RPReLU, U<factor> or U<rows>x<columns>, "
            "such as U2, a pixel shuffle PS<block>, such as PS2, or a block such as 2{ C64:3x3+same | }+",
        ),
        (
            "8x8x1 - C64 - MP2",
            "network text, 'MP2': the last layer must have weights; add one, such as ' - D10', or ' - C10:1x1' for "
            "scores of every place of the map",
        ),
        (
            "8x8x1 - D16(4) - D10",
            "network text, token 2, 'D16(4)': the parentheses must hold (PE,SIMD) or (PE,SIMD,LANES) in whole "
            "numbers, such as (16,64)",
        ),
        ("8x8x1", "network text '8x8x1': no layer follows the image; add one, such as ' - D10'"),
        (
            "8x8x1 - D16(4,65) - D10",
            "layer 1, D16(4,65): SIMD=65 is more than the layer's 64 inputs; use 1 to 64",
        ),
        (
            "28x28x1 - D16 - D10",
            "data set digits: images are 8x8x1, the network takes 28x28x1; start the network text with 8x8x1 or use "
            "another data set",
        ),
        (
            "8x8x1 - D16 - D7",
            "data set digits: 10 classes, the network's last layer has 7 outputs; end the network text with D10 or "
            "use another data set",
        ),
    ],
)
def test_networks(refuse, tmp_path, text, message):
    refuse(message, *train(text, output=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--levels", -1), "levels=-1: a network has 1 to 8 residual levels; use 1 to 8"),
        (("--levels", 9), "levels=9: a network has 1 to 8 residual levels; use 1 to 8"),
        (("--epochs", 0), "epochs=0: a training takes at least one pass over the images; use 1 or more"),
        (("--seed", -1), "seed=-1: a seed is a whole number, 0 or more; use 0 or more"),
        (
            ("--recipe", "fast"),
            "recipe='fast': no such recipe; use one of cifar10, default, digits, imagenet, mnist, svhn",
        ),
        (("--input-bits", 9), "input_bits=9: a pixel is one byte, of which 1 to 8 bits can be kept; use 1 to 8"),
        (
            ("--width", 0),
            "width=0.0: hidden layers are multiplied by it, so it must be above 0; 1 changes nothing",
        ),
        (("--gain-bits", 99), "gain_bits=99: the gains of 1 levels need 1 to 16 bits; use 1 to 16"),
    ],
)
def test_options(refuse, tmp_path, options, message):
    refuse(message, *train(NETWORK, "digits", tmp_path / "run", *options))
    assert not (tmp_path / "run").exists()


def test_no_number_is_a_usage_error(rebnet, tmp_path):
    code, out, err = rebnet(*train(NETWORK, "digits", tmp_path / "run", "--levels", "two"))
    assert (code, out) == (2, "")
    assert err.startswith("rebnet: invalid value for '--levels': ")  # the parser's own words follow
    assert err.endswith("; see 'rebnet train --help'\n")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("kmnist", f"data set 'kmnist' is unknown; use {', '.join(NAMES[:-1])} or {NAMES[-1]}"),
        ("npz:none.npz", "none.npz: no such file; write the path of an existing .npz file after npz:"),
    ],
)
def test_data_sets(refuse, tmp_path, dataset, message):
    refuse(message, *train(NETWORK, dataset, tmp_path / "run"))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (
            np.zeros((4, 8, 8, 1), np.float32),
            np.zeros(4, np.int64),
            "{}: images has dtype float32, images must be uint8; scale the pixels to 0 to 255 and convert them with "
            "images.astype('uint8')",
        ),
        (
            np.zeros((4, 8, 8, 1), np.uint8),
            np.zeros(3, np.int64),
            "{}: labels holds 3 labels for 4 images, the counts must be equal; give one label an image",
        ),
        (
            np.zeros((4, 8, 8, 1), np.uint8),
            np.zeros(4),
            "{}: labels has dtype float64, labels must be integers; number the classes from 0 and convert them with "
            "labels.astype('int64')",
        ),
        (
            np.zeros((2, 8, 8, 1), np.uint8),
            np.asarray([0, 9]),
            "data set npz:{}: 1 training images, of which 1 are held out to judge by; BatchNorm needs at least 2 to "
            "train on, so give more images",
        ),
    ],
)
def test_npz(refuse, tmp_path, images, labels, message):
    path = tmp_path / "own.npz"
    np.savez(path, images=images, labels=labels)
    refuse(message.format(path), *train(NETWORK, f"npz:{path}", tmp_path / "run"))


def test_truncated_idx(refuse, tmp_path):
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(bytes.fromhex("00000803 0000ea60 0000001c 0000001c") + bytes(1000))
    arguments = train("arch-1", "mnist", tmp_path / "run", "--data-dir", tmp_path / "data")
    way_out = "replace {} by the published file"
    refuse(f"{path}: holds 1000 bytes, its header says 60000×28×28 = 47040000; {way_out.format(path.name)}", *arguments)
    path.rename(folder / "moved")
    packed = folder / "train-images-idx3-ubyte.gz"
    packed.write_bytes(gzip.compress((folder / "moved").read_bytes())[:-20])
    refuse(f"{packed}: the gzip data end early, the file is truncated; {way_out.format(packed.name)}", *arguments)
    packed.unlink()
    refuse(
        f"{path}[.gz]: no such file, {folder} must hold all four files of mnist; add it, or leave out --data-dir to "
        "download them",
        *arguments,
    )


def test_data_dir_that_is_none(refuse, tmp_path):
    none = tmp_path / "none"
    refuse(
        f"{none}: no such folder, --data-dir must name one that holds mnist/; correct it, or leave it out to download "
        "the files",
        *train("arch-1", "mnist", tmp_path / "run", "--data-dir", none),
    )


class _Other(BaseHTTPRequestHandler):
    """Serves the same few wrong bytes at every address."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"other")

    def log_message(self, *_):
        pass


def test_download_of_other_bytes(refuse, tmp_path, monkeypatch):
    import pooch

    from rebnet.datasets import mnist

    with HTTPServer(("127.0.0.1", 0), _Other) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        mirror = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(mnist, "SOURCE", replace(mnist.SOURCE, mirrors=(mirror,)))
        monkeypatch.setattr(pooch, "os_cache", lambda _: tmp_path / "cache")
        try:
            refuse(
                f"train-images-idx3-ubyte.gz of mnist could not be downloaded ({mirror} sent md5 "
                "795f3202b17cb6bc3d4b771d8c6c9eaf, expected f68b3c2dcbeaaa9fbdd348bbdeb94873); try again later, or put "
                "the files of mnist into DIR/mnist and name DIR with --data-dir",
                *train("arch-1", "mnist", tmp_path / "run"),
            )
        finally:
            server.shutdown()
            thread.join()


def test_missing_torch(refuse, tmp_path, monkeypatch):
    without(monkeypatch, "torch", "rebnet.nn", "rebnet.train", "rebnet.export")
    refuse(
        "this needs PyTorch, which is not installed; run: pip install 'rebnet[train]'",
        *train(output=tmp_path / "run"),
    )


def test_missing_pooch(refuse, tmp_path, monkeypatch):
    without(monkeypatch, "pooch")
    refuse(
        "data set mnist has to be downloaded and pooch is not installed; run pip install 'rebnet[data]', or name a "
        "folder that holds the data set with --data-dir",
        *train("arch-1", "mnist", tmp_path / "run"),
    )


def without(monkeypatch, package, *importers):
    """As if `package` were not installed; `importers` are imported anew."""
    for name in list(sys.modules):
        if any(name == importer or name.startswith(f"{importer}.") for importer in importers):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)


def test_output_that_is_a_file(refuse, tmp_path):
    (tmp_path / "run").write_text("mine")
    refuse(
        f"{tmp_path / 'run'}: a file stands where a folder is needed; name another --output",
        *train(output=tmp_path / "run"),
    )
    refuse(
        f"{tmp_path / 'run' / 'deep'}: a file stands where a folder is needed; name another --output",
        *train(output=tmp_path / "run" / "deep"),
    )


def test_output_that_cannot_be(refuse):
    refuse(
        "/proc/rebnet: could not be written (no such file or directory); name another --output",
        *train(output="/proc/rebnet"),
    )


def test_checkpoint_of_another_schema(one_thread, refuse, rebnet, tmp_path):
    from rebnet.files import _sort_metadata, read_tensors

    run = tmp_path / "run"
    assert rebnet(*train(NETWORK, "digits", run, "--epochs", 1))[0] == 0
    path = run / "checkpoint.safetensors"
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"schema":"1"', b'"schema":"7"'))
    refuse(
        f"{path}: schema version 7, this rebnet reads version 1; write the file again with this version, or read it "
        "with the one that wrote it",
        *train(NETWORK, "digits", run, "--epochs", 1, "--resume"),
    )
    path.write_bytes(data[:-8])
    refuse(
        f"{path}: not a readable safetensors file (Error while deserializing header: incomplete metadata, file not "
        "fully covered); write it again",
        *train(NETWORK, "digits", run, "--epochs", 1, "--resume"),
    )
    path.write_bytes(_sort_metadata(data))
    assert read_tensors(path)
    refuse(
        f"{path}: was made with levels = 1, this training has levels = 2; resume with the old value, or name another "
        "--output",
        *train(NETWORK, "digits", run, "--epochs", 1, "--levels", 2, "--resume"),
    )


def test_interrupt_and_resume(one_thread, rebnet, start, tmp_path):
    run = tmp_path / "run"
    arguments = train(NETWORK, "digits", run, "--epochs", 30)
    process = start(*arguments, OMP_NUM_THREADS="1")
    while not (run / "checkpoint.safetensors").exists() and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert err.strip().splitlines()[-1] == (
        f"rebnet: interrupted; the last finished epoch is in {run}, go on with the same command and --resume"
    )
    assert (process.returncode, out) == (130, "")
    assert [path.name for path in run.iterdir()] == ["checkpoint.safetensors"]
    code, out, _ = rebnet(*arguments, "--resume")
    assert code == 0
    assert sorted(path.name for path in run.iterdir()) == [
        "checkpoint.safetensors",
        "model.safetensors",
        "training.json",
    ]
    assert [line.split()[0] for line in out.splitlines()] == [
        "network", "dataset", "levels", "epochs", "validation_accuracy", "test_accuracy",
    ]  # fmt: skip
