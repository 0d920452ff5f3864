"""The worlds of the driving notebooks in one table: how each looks, grips and steers, and how its camera sees."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from tlutils.errors import unknown
from tlutils.inputs import check_span, checked

Colour = tuple[int, int, int]
LIMITS = {  # what lies outside is a slip
    "height": (0.1, 100),
    "horizon": (0, 1),
    "yaw": (-180, 180),
    "lateral": (-100, 100),
    "blur": (0, 10),
    "gain": (0, 100),
    "vignette": (0, 1),
    "noise": (0, 10),
    "grip": (0, 100),
    "delay": (0, 1000),
    "speed": (0, 1000),
}
SHARPEST = 0.05  # pixels of blur: a Gaussian as narrow as this is, to every digit, none


@checked
@dataclass(frozen=True)
class World:
    """One driving world: colours (RGB, 0 … 255), camera, sensor, grip, speed and tracks.

    Lengths are in units of CarRacing (the road is 13.3 wide, the car 2.8), speeds in units a second.
    `yaw` turns the camera (degrees, positive to the right), `horizon` is its row as a share of the
    frame's height. `grip` is a share of CarRacing's friction, on the road and beside it. `delay` counts
    control steps of 1/25 s between a decision and its effect.
    `curvature` bounds the mean change of direction of the tracks in use, radians a tile of 3.5 units.
    `clockwise` tracks turn right more than left, all others left more than right.

    Raises ValueError for a colour or another number outside of its LIMITS, or a curvature that bounds nothing.
    Taught in notebooks 14 and 15.
    """

    name: str
    road: Colour = (102, 102, 102)
    ground: Colour = (102, 216, 102)
    sky: Colour = (168, 208, 240)
    line: Colour | None = None  # edge lines and a dashed middle line
    kerbs: bool = True  # red and white at sharp turns
    height: float = 5.0
    horizon: float = 0.3
    yaw: float = 0.0
    lateral: float = 0.0
    blur: float = 0.0  # standard deviation of the Gaussian, pixels
    gain: float = 1.0
    vignette: float = 0.0  # light lost in the corners, a share
    noise: float = 0.0  # standard deviation, of values in [0, 1]
    grip: float = 1.0
    delay: int = 0
    speed: float = 34.0
    clockwise: bool = False
    curvature: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        for what in ("road", "ground", "sky", "line"):
            for value in getattr(self, what) or ():
                check_span(value, f"{what}: a colour's parts", 0, 255)
        for what, (low, high) in LIMITS.items():
            check_span(getattr(self, what), f"{what} of a world", low, high)
        if not self.curvature[0] < self.curvature[1]:
            raise ValueError(f"curvature must be two numbers, the lower one first, got {self.curvature}")


SIM = World("sim")
# The stand-in for reality: everything that a simulator leaves out, in one place and without a name for it.
ROAD = World(
    "road",
    road=(62, 56, 66),
    ground=(128, 108, 78),
    sky=(196, 196, 204),
    line=(226, 222, 200),
    kerbs=False,
    height=4.2,
    horizon=0.25,
    yaw=2.0,
    lateral=0.4,
    blur=0.8,
    gain=0.75,
    vignette=0.4,
    noise=0.06,
    grip=0.5,
    delay=1,
)
CITY = replace(SIM, kerbs=False, line=(240, 240, 240), noise=0.02)
WORLDS = {
    world.name: world
    for world in (
        SIM,
        ROAD,
        replace(CITY, name="city A", curvature=(0.0, 0.044)),
        replace(
            CITY,
            name="city B",
            road=(134, 122, 116),
            ground=(196, 178, 128),
            sky=(220, 228, 236),
            line=(250, 210, 90),
            curvature=(0.044, 0.05),
            speed=30.0,
        ),
        replace(
            CITY,
            name="city C",
            road=(84, 88, 104),
            ground=(96, 124, 84),
            sky=(150, 160, 190),
            curvature=(0.044, 0.052),
            speed=30.0,
            gain=0.85,
            clockwise=True,
        ),
    )
}


@checked
def world(name: str) -> World:
    """Return the world of a name. Raises ValueError for a name that does not exist."""
    if name not in WORLDS:
        raise unknown("world", name, WORLDS)
    return WORLDS[name]


@checked
def sense(views: Tensor, world: World, seed: int) -> Tensor:
    """Return what a world's sensor makes of clean views (n, 3, h, w) in [0, 1]: frames of the same form.

    Blur, light lost in the corners, exposure, noise; the noise is drawn from `seed`.

    Raises ValueError for views of another shape, not float32 or not in [0, 1]. Taught in notebook 14.
    """
    if views.ndim != 4 or views.shape[1] != 3 or views.numel() == 0 or views.dtype != torch.float32:
        raise ValueError(f"views must be float32 (n, 3, h, w) in [0, 1], got {views.dtype} {tuple(views.shape)}")
    low, high = (bound.item() for bound in views.aminmax())
    if not (low >= 0 and high <= 1):  # NaN fails every comparison
        raise ValueError(f"views must have values in [0, 1], got {low:.3g} to {high:.3g}")
    h, w = views.shape[2:]
    if world.blur > SHARPEST:
        reach = torch.arange(-2.0, 3.0)
        kernel = torch.exp(-(reach**2) / (2 * world.blur**2))
        kernel = (kernel / kernel.sum()).expand(3, 1, 1, 5)
        views = F.conv2d(F.pad(views, (2, 2, 2, 2), mode="replicate"), kernel, groups=3)
        views = F.conv2d(views, kernel.transpose(2, 3), groups=3)
    if world.vignette:
        rows, columns = torch.linspace(-1, 1, h)[:, None], torch.linspace(-1, 1, w)
        views = views * (1 - world.vignette * (rows**2 + columns**2) / 2)
    if world.gain != 1:
        views = views * world.gain
    if world.noise:
        generator = torch.Generator().manual_seed(seed)
        views = views + world.noise * torch.randn(views.shape, generator=generator)
    return views.clamp(0, 1)
