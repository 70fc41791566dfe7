"""One picture file -> RGB pixels of one size, the way that ImageNet networks are evaluated.

The shorter side is resized to `resize` pixels (bilinear, antialiased, the longer side rounded down), then
the central `crop`×`crop` pixels are taken. These are the rules of torchvision's `Resize` and
`CenterCrop`, on the same library, Pillow; orientation tags are ignored, as there. Everything that is not
RGB (grey, CMYK, palettes, transparency) is converted.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rebnet.errors import DatasetError, MissingExtraError

SUFFIXES = (".jpeg", ".jpg", ".png")
"""What a picture's name may end in, in small or capital letters."""

_FORMATS = ("JPEG", "PNG")
"""What a picture may be, whatever its name says; Pillow's other readers stay shut."""

_MOST_PIXELS = 1 << 26
"""Of a picture whose shorter side was resized: one pixel by 65,535 would take gigabytes."""


def check_reader(name: str) -> None:
    """Raise `MissingExtraError` unless Pillow, which data set `name` needs, is installed."""
    try:
        import PIL.Image  # noqa: F401 - only asks whether it is there
    except ImportError:
        raise MissingExtraError(
            f"data set {name} consists of pictures and Pillow, which reads them, is not installed; "
            "run pip install 'rebnet[data]'"
        ) from None


def read_picture(path: Path, resize: int, crop: int) -> NDArray[np.uint8]:
    """Decode a picture and bring it to one size. Most of it runs outside Python's lock.

    Args:
        path: a JPEG or PNG file.
        resize: pixels of the shorter side before the crop.
        crop: pixels of both sides after it, 1 to `resize`.

    Returns:
        uint8, crop×crop×3.

    Raises:
        DatasetError: the file cannot be read or is not a whole picture.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=_FORMATS) as image:
            opaque = image.convert("RGBA") if image.mode == "P" else image
            picture = opaque.convert("RGB")
        size = _resized(picture.size, resize)
        if size[0] * size[1] > _MOST_PIXELS:
            raise ValueError(f"its sides of {picture.width} and {picture.height} pixels differ too much")
        picture = picture.resize(size, Image.Resampling.BILINEAR)
        left, top = (round((side - crop) / 2) for side in picture.size)
        return np.asarray(picture.crop((left, top, left + crop, top + crop)))
    except UnidentifiedImageError:
        reason = "no JPEG or PNG data"
    except OSError as error:
        reason = error.strerror or str(error)
    except Exception as error:  # Pillow lets a damage out as it struck: SyntaxError, ValueError, struct.error, ...
        reason = str(error)
    raise DatasetError(
        f"{path}: not a readable picture ({reason}); replace it by the published file, what is decoded is kept"
    )


def _resized(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    """Width and height with the shorter side brought to `shorter`."""
    width, height = size
    if width <= height:
        return shorter, shorter * height // width
    return shorter * width // height, shorter
