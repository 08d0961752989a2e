"""Makes goldens.json: what Pillow and torchvision give for the pictures of `picture` below.

Run with Pillow and torchvision installed: python3 goldens/make.py
The tests make the same input pictures themselves, from the same formula.
"""

import base64
import io
import json
import pathlib

import numpy
import torchvision.transforms as transforms
import torchvision.transforms.functional as functional
from PIL import Image

ANGLES = [0, 0.001, -0.3, 1, 4.9, -7.25, 9.999, 10, 33.3, 45, -45, 89.5, 90, -90, 120, 180, 200.5, 270, 359.9, 360]


def picture(height, width, channels, key):
    """Numbers that look like noise but have a formula short enough to say twice."""
    index = numpy.arange(height * width * channels, dtype=numpy.uint64)
    mixed = (index + key) * 2654435761 % 2**32
    values = (mixed >> 13) % 256
    return values.astype(numpy.uint8).reshape((height, width, channels))


def smooth(height, width, channels, key):
    y, x, c = numpy.meshgrid(range(height), range(width), range(channels), indexing="ij")
    return ((x * 7 + y * 5 + c * 40 + x * y // 3 + key) % 256).astype(numpy.uint8)


def image(pixels):
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def text(result):
    return base64.b64encode(numpy.asarray(result).tobytes()).decode()


def rotations():
    for height, width, channels in [(32, 32, 3), (28, 28, 1), (5, 9, 3), (12, 7, 1)]:
        source = image(picture(height, width, channels, 7))
        for angle in ANGLES:
            turned = functional.rotate(source, angle)
            yield {"shape": [height, width, channels], "angle": angle, "pixels": text(turned)}


def resizes():
    for shape, size in [
        ((32, 32, 3), (16, 16)),
        ((32, 32, 3), (48, 20)),
        ((50, 37, 3), (32, 32)),
        ((28, 28, 1), (32, 32)),
        ((90, 61, 1), (13, 40)),
        ((7, 5, 3), (64, 64)),
    ]:
        for make in (picture, smooth):
            source = image(make(*shape, 3))
            resized = source.resize((size[1], size[0]), Image.Resampling.BILINEAR)
            yield {"make": make.__name__, "shape": shape, "size": size, "pixels": text(resized)}


def short_sides():
    for shape, size in [((50, 37, 3), 16), ((37, 50, 3), 16), ((21, 64, 1), 30), ((20, 20, 1), 11)]:
        resized = transforms.Resize(size)(image(smooth(*shape, 3)))
        yield {"shape": shape, "size": size, "result": [resized.height, resized.width], "pixels": text(resized)}


def centre_crops():
    for shape, size in [((9, 9, 1), (4, 5)), ((8, 11, 3), (5, 4)), ((5, 6, 3), (8, 3)), ((4, 4, 1), (7, 9))]:
        cropped = transforms.CenterCrop(size)(image(picture(*shape, 5)))
        yield {"shape": shape, "size": size, "pixels": text(cropped)}


def greys():
    yield {"shape": [16, 16, 3], "pixels": text(image(picture(16, 16, 3, 11)).convert("L"))}


def encoded(form, mode, **options):
    source = image(smooth(20, 24, 3, 9))
    if form == "png" and mode == "LA":
        source = source.convert("L")
        source.putalpha(128)
    elif form == "png" and mode == "RGBA":
        source.putalpha(77)
    else:
        source = source.convert(mode)
    buffer = io.BytesIO()
    source.save(buffer, {"jpg": "JPEG", "pgm": "PPM", "ppm": "PPM"}.get(form, form.upper()), **options)
    data = buffer.getvalue()
    decoded = Image.open(io.BytesIO(data))
    # A BMP has a palette at best, so it always decodes to colours.
    grey = decoded.mode in ("L", "LA", "1") and form != "bmp"
    return {
        "name": f"{form} {mode} {options}",
        "file": base64.b64encode(data).decode(),
        "shape": [20, 24, 1 if grey else 3],
        "pixels": text(decoded.convert("L" if grey else "RGB")),
    }


def files():
    for mode in ["L", "RGB", "P", "LA", "RGBA", "1"]:
        yield encoded("png", mode)
    for mode in ["L", "RGB", "1"]:
        yield encoded("bmp", mode)
    yield encoded("pgm", "L")
    yield encoded("ppm", "RGB")
    yield encoded("jpg", "L", quality=90)
    for subsampling in [0, 1, 2]:
        yield encoded("jpg", "RGB", quality=90, subsampling=subsampling)
    yield encoded("jpg", "RGB", quality=85, progressive=True)


goldens = {
    "rotations": list(rotations()),
    "resizes": list(resizes()),
    "short_sides": list(short_sides()),
    "centre_crops": list(centre_crops()),
    "greys": list(greys()),
    "files": list(files()),
}
path = pathlib.Path(__file__).with_name("goldens.json")
path.write_text(json.dumps(goldens, separators=(",", ":")) + "\n")
