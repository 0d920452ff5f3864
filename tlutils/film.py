"""A short film of drives: for each driver the camera's picture and a map of the track with the way it took."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from tlutils.closed_loop import Policy
from tlutils.inputs import checked
from tlutils.simulator import HALF_ROAD, STEPS, Driver, Simulator
from tlutils.worlds import World

if TYPE_CHECKING:
    from PIL.Image import Image

CAMERA = (192, 108)  # pixels of the camera's picture: a frame, three times larger
MAP = 192  # pixels of a side of the map
CAR = (214, 40, 40)
LAST = int(0.85 * STEPS)  # control step of the last picture


@checked
def film(drivers: Mapping[str, nn.Module | Driver], world: World, track: int, *, pictures: int = 45) -> bytes:
    """Return a GIF of each named driver (or policy) on one track, side by side: `pictures` moments of equal distance.

    The camera's pictures are shown without the sensor's noise, which no GIF could hold. A lost car's
    last picture stays.

    Raises ValueError without a driver or with fewer than 2 pictures or more than 850, and as `score` does. Taught in
    notebook 14.
    """
    from PIL.Image import Dither

    if not drivers or not 2 <= pictures <= LAST:
        found = f"{len(drivers)} and {pictures}"
        raise ValueError(f"a film needs a driver and at least 2 pictures, at most {LAST}, got {found}")
    for name, driver in drivers.items():
        if not callable(driver):
            raise TypeError(f"film: the driver {name!r} must be a model or a function, got {type(driver).__name__}")
    columns = [_column(name, driver, world, track, pictures) for name, driver in drivers.items()]
    images = [_beside([column[k] for column in columns]) for k in range(pictures)]
    swatch = images[-1].copy()
    swatch.paste(CAR, (0, 0, MAP, 24 + CAMERA[1]))  # else the car's few pixels would not get a colour
    palette = _beside([images[0], images[-1], swatch]).quantize(32)
    small = [image.quantize(palette=palette, dither=Dither.NONE) for image in images]
    buffer = io.BytesIO()
    times = [120] * (pictures - 1) + [2000]
    small[0].save(buffer, "GIF", save_all=True, append_images=small[1:], duration=times, loop=0, optimize=True)
    return buffer.getvalue()


@checked
def show_film(gif: bytes, alt: str) -> None:
    """Display a GIF with `alt` as its text for those who cannot see it.

    Raises ValueError when the text is missing. Taught in notebook 14.
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError("alt must say in a sentence what the film shows")
    # As HTML, since a notebook's own way to show a picture is not kept by every converter for films.
    picture = f'<img alt="{html.escape(alt)}" src="data:image/gif;base64,{base64.b64encode(gif).decode()}">'
    display({"text/html": picture, "text/plain": alt}, raw=True)


def _column(name: str, driver: nn.Module | Driver, world: World, track: int, pictures: int) -> list[Image]:
    """Return one driver's pictures: its name, what its camera sees, where it has been."""
    driver = Policy(driver) if isinstance(driver, nn.Module) else driver
    run = Simulator(world, track)
    moments = set(np.linspace(0, LAST, pictures).astype(int).tolist())
    way, column = [run.position], []
    for step in range(max(moments) + 1):
        if step in moments:
            column.append(_picture(name, run, way))
        if not run.over:
            run.step(driver(run))
            way.append(run.position)
    return column


def _picture(name: str, run: Simulator, way: list[np.ndarray]) -> Image:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (MAP, 24 + CAMERA[1] + MAP), "white")
    draw = ImageDraw.Draw(picture)
    state = "lost" if run.lost else f"{run.progress:.0%} of the lap"
    draw.text((2, 4), f"{name}: {state}", fill="black", font_size=14)
    frame = (255 * run.frame(noise=False)).byte().permute(1, 2, 0).numpy()
    picture.paste(Image.fromarray(frame).resize(CAMERA, Image.Resampling.NEAREST), (0, 24))

    low, high = run.middle.min(0) - 20, run.middle.max(0) + 20
    scale = MAP / (high - low).max()

    def on_map(points: np.ndarray | list[np.ndarray]) -> list[tuple[float, float]]:
        x, y = ((np.asarray(points) - low) * scale).T
        return list(zip(x.tolist(), (24 + CAMERA[1] + MAP - y).tolist(), strict=True))

    draw.rectangle((0, 24 + CAMERA[1], MAP, 24 + CAMERA[1] + MAP), fill=run.world.ground)
    ring = on_map(np.concatenate([run.middle, run.middle[:2]]))
    draw.line(ring, fill=run.world.road, width=max(2, round(2 * HALF_ROAD * scale)), joint="curve")
    if len(way) > 1:
        draw.line(on_map(way), fill="white", width=2)
    ((x, y),) = on_map([run.position])
    draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=CAR, outline="white")
    return picture


def _beside(pictures: list[Image]) -> Image:
    from PIL import Image

    width, height = pictures[0].size
    whole = Image.new("RGB", ((width + 8) * len(pictures) - 8, height), "white")
    for number, picture in enumerate(pictures):
        whole.paste(picture, (number * (width + 8), 0))
    return whole
