"""The folder of a build: what may be replaced by a new one, and replacing it in one step."""

from pathlib import Path

from rebnet.errors import OutputError
from rebnet.ir import storage

EXPORTED = "exported"
TRAINING_FILE = "training.json"


def check_output(output: Path) -> None:
    """Refuse to replace anything that is no build.

    Raises:
        OutputError: a file stands there, the current folder, or a folder with other things.
    """
    if output.is_file():
        raise OutputError(f"{output}: a file stands where a folder is needed; name another --output")
    if output.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise OutputError(f"{output}: is the current folder or holds it, and would be replaced; name another --output")
    is_build = all((output / name).is_file() for name in (storage.NETWORK_FILE, TRAINING_FILE))
    is_build = is_build and (output / EXPORTED).is_dir()
    if output.is_dir() and any(output.iterdir()) and not is_build:
        raise OutputError(f"{output}: holds files but no build, and would be replaced; name another --output")


def replace_build(build: Path, output: Path) -> None:
    """Put `build` in the place of `output`; the old one comes back where that fails."""
    if not output.exists():
        build.rename(output)
        return
    old = output.rename(build.parent / "old")
    try:
        build.rename(output)
    except BaseException:
        old.rename(output)
        raise
