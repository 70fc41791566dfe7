"""Where a data set lies in a data folder; the same rule and the same sentence for every published set."""

from pathlib import Path

from rebnet.errors import DatasetError


def find_folder(data_dir: Path | None, name: str) -> Path | None:
    """Return `data_dir/name`, or None where there is no such folder and the files must be downloaded.

    Args:
        data_dir: folder that holds data sets; None goes straight to the cache.
        name: the published folder of one data set.

    Raises:
        DatasetError: `data_dir` itself does not exist.
    """
    if data_dir is None:
        return None
    if not data_dir.is_dir():
        raise DatasetError(
            f"{data_dir}: no such folder, --data-dir must name one that holds {name}/; "
            "correct it, or leave it out to download the files"
        )
    folder = data_dir / name
    return folder if folder.is_dir() else None


def find_file(folder: Path, name: str, count: str, data_set: str) -> Path:
    """Return `folder/name`, the path of one published file.

    Args:
        folder: the published folder of the data set.
        name: name of the file.
        count: how many files the folder must hold, in words.
        data_set: name of the data set.

    Raises:
        DatasetError: there is no such file.
    """
    path = folder / name
    if path.is_file():
        return path
    raise DatasetError(
        f"{path}: no such file, {folder} must hold all {count} files of {data_set}; "
        "add it, or leave out --data-dir to download them"
    )
