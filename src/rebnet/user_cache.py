"""Where results that can be made again are kept: a folder in the user's cache."""

from pathlib import Path

from rebnet.errors import MissingExtraError


def user_cache(name: str, extra: str) -> Path:
    """The folder `rebnet/NAME` in the user's cache.

    Args:
        name: of the folder.
        extra: the part of rebnet that asks, as `pip install` names it.

    Raises:
        MissingExtraError: platformdirs, which knows where the cache is, is not installed.
    """
    try:
        import platformdirs
    except ImportError:
        raise MissingExtraError(
            "results are kept in the cache folder and platformdirs, which knows where that is, is not installed; "
            f"run pip install 'rebnet[{extra}]', or name a folder with --cache-dir"
        ) from None
    return Path(platformdirs.user_cache_dir("rebnet")) / name
