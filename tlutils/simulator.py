"""A car on a track of a world: gymnasium's CarRacing for the physics, our own camera for the eyes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module

import numpy as np
import torch
from torch import Tensor

from tlutils.camera import draw_view, road_polygons
from tlutils.inputs import check_span, checked
from tlutils.worlds import World, sense

STEPS = 1000  # control steps of a run at most: 40 s, enough for the expert's lap in every world
RATE = 25  # control steps a second, each of two steps of the physics
FULL_LOCK = 0.4  # radians of the front wheels at steering ±1
HALF_ROAD = 40 / 6  # half of the road's width, in units
NOMINAL_FRICTION = 400.0  # CarRacing's largest force between a wheel and the road
LOST = 2.5  # times HALF_ROAD from the middle: a car this far away does not come back
LAST_TRACK = 40_000  # far more than anybody drives, and every frame still has a seed of its own
KERB_TURN = 0.06  # radians a tile: sharper turns have kerbs

Driver = Callable[["Simulator"], float]  # looks at a simulator, returns steering in [−1, 1]


class Simulator:
    """One run: a world, a track, a car that starts at rest in the middle of the road.

    A driver reads `frame()` (3, 36, 64), values in [0, 1], and calls `step(steering)`, −1 full left
    to 1 full right; the speed follows a rule (`speed_control`), the same for every driver. `offset` is
    the signed distance from the middle of the road in half road widths (positive: right), `progress`
    the share of the lap reached on the road so far. A run is `over` after the lap, after STEPS control steps, or when
    the car is lost, more than 2.5 half widths away. The same world, track and steering give the same run, bit for bit.

    Raises ValueError for a track below 0 or above LAST_TRACK, or a world whose curvature no track has;
    ImportError, with the one command that helps, without gymnasium, Box2D or pygame. Taught in notebook 14.
    """

    @checked
    def __init__(self, world: World, track: int) -> None:
        check_tracks([track])
        self.world, self.track = world, track
        self.env, self.middle = _start(world, track)
        ahead = np.roll(self.middle, -1, 0) - self.middle
        self.direction = ahead / np.linalg.norm(ahead, axis=1, keepdims=True)
        across = HALF_ROAD * np.stack([self.direction[:, 1], -self.direction[:, 0]], 1)
        turn = _turns(self.middle)
        # A kerb lies outside of a sharp turn to the left, on the right, and the other way round.
        kerb = np.where(np.abs(turn) > KERB_TURN, np.sign(turn), 0)
        self.polygons, self.colours = road_polygons(self.middle - across, self.middle + across, kerb, world)
        self.commands = deque([0.0] * world.delay)
        self.steps = self.tile = self.furthest = 0
        self.offset = 0.0
        self.lost = False

    @property
    def position(self) -> np.ndarray:
        """Where the car is (2,), in units."""
        return np.array(self.env.car.hull.position)

    @property
    def angle(self) -> float:
        """The car's heading in radians, counterclockwise from the y axis."""
        return self.env.car.hull.angle

    @property
    def speed(self) -> float:
        """The car's speed in units a second."""
        return float(np.hypot(*self.env.car.hull.linearVelocity))

    @property
    def progress(self) -> float:
        """The share of the lap reached on the road, 0 to 1."""
        return min(1.0, self.furthest / (len(self.middle) - 1))

    @property
    def on_road(self) -> bool:
        """Whether the car's middle is on the road."""
        return abs(self.offset) <= 1

    @property
    def over(self) -> bool:
        """Whether the run has ended."""
        return self.lost or self.progress == 1 or self.steps >= STEPS

    def view(self) -> np.ndarray:
        """Return the clean view (36, 64, 3), uint8, before the sensor."""
        return draw_view(self.polygons, self.colours, self.position, self.angle, self.world)

    @checked
    def frame(self, noise: bool = True) -> Tensor:
        """Return what the sensor sees now (3, 36, 64), in [0, 1]; `noise=False` is for pictures in print."""
        view = torch.from_numpy(self.view()).permute(2, 0, 1)[None].float() / 255
        sensor = self.world if noise else replace(self.world, noise=0.0)
        return sense(view, sensor, seed=100_000 * self.track + self.steps)[0]

    @checked
    def step(self, steering: float) -> None:
        """Drive on for one control step. Raises ValueError for steering outside [−1, 1]."""
        if not -1 <= steering <= 1:
            raise ValueError(f"steering must lie in [−1, 1], got {steering}: clip the driver's output")
        self.commands.append(steering)
        steering = self.commands.popleft()
        from gymnasium.envs.box2d import car_dynamics

        gas, brake = speed_control(self.speed, steering, self.world)
        car_dynamics.FRICTION_LIMIT = NOMINAL_FRICTION * self.world.grip  # read by the car at each step
        for _ in range(2):
            self.env.step(np.array([FULL_LOCK * steering, gas, brake]))
        self.steps += 1
        self._locate()

    def _locate(self) -> None:
        # Only tiles near the last one count: a car that cuts across the ground gains nothing.
        near = (self.tile + np.arange(-8, 9)) % len(self.middle)
        self.tile = int(near[np.linalg.norm(self.middle[near] - self.position, axis=1).argmin()])
        ahead, apart = self.direction[self.tile], self.position - self.middle[self.tile]
        self.offset = float(ahead[1] * apart[0] - ahead[0] * apart[1]) / HALF_ROAD
        self.lost = bool(np.linalg.norm(apart) > LOST * HALF_ROAD)
        step = (self.tile - self.furthest) % len(self.middle)
        if self.on_road and step <= 20:
            self.furthest += step


@checked
def speed_control(speed: float, steering: float, world: World) -> tuple[float, float]:
    """Return gas and brake, 0 to 1, that keep the world's speed, less in turns.

    Raises ValueError for steering outside [−1, 1]. Taught in notebook 14.
    """
    if not -1 <= steering <= 1:
        raise ValueError(f"steering must lie in [−1, 1], got {steering}")
    wanted = world.speed * (1 - 0.45 * abs(steering))
    return float(np.clip(0.06 * (wanted - speed), 0, 0.5)), float(np.clip(0.03 * (speed - wanted - 2), 0, 0.5))


@checked
def drive(world: World, track: int, driver: Driver) -> Simulator:
    """Let a driver drive until the run is over; return the simulator as it then stands.

    Raises ValueError as `Simulator` does, and for steering outside [−1, 1].
    """
    run = Simulator(world, track)
    while not run.over:
        run.step(driver(run))
    return run


@checked
def check_tracks(tracks: Sequence[int]) -> None:
    """Raise ValueError for a track that has no number from 0 to LAST_TRACK."""
    for track in tracks:
        check_span(track, "a track", 0, LAST_TRACK)


def _turns(middle: np.ndarray) -> np.ndarray:
    """Return the change of direction (n,) at each tile, in radians, left turns positive."""
    ahead = np.roll(middle, -1, 0) - middle
    angle = np.arctan2(ahead[:, 1], ahead[:, 0])
    return (np.roll(angle, -1) - angle + np.pi) % (2 * np.pi) - np.pi


def _start(world: World, track: int):
    """Return a CarRacing environment with the car at the start, and the middle line (n, 2) in driving order.

    Tracks are numbered; number k is the first one from seed 1,000·k on whose curvature the world accepts.
    """
    env = _environment()()
    low, high = world.curvature
    for seed in range(1000 * track, 1000 * (track + 1)):
        env.reset(seed=seed)
        middle = np.array([tile[2:4] for tile in env.track])
        if low <= np.abs(_turns(middle)).mean() < high:
            break
    else:
        raise ValueError(f"track {track}: no track turns by {world.curvature} radians a tile: widen the curvature")
    if world.clockwise:
        from gymnasium.envs.box2d.car_dynamics import Car

        middle = np.roll(middle[::-1], 1, 0)  # the same first tile
        env.car.destroy()
        env.car = Car(env.world, env.track[0][1] + np.pi, *middle[0])
    return env, middle


@cache
def _environment() -> type:
    """Return CarRacing without its own rendering, which would take most of the time.

    Raises ImportError, with the one command that helps, where a part is missing.
    """
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # no window
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        for part in ("gymnasium", "Box2D", "pygame"):
            import_module(part)
    except ImportError as error:
        raise ImportError(
            "the driving worlds need gymnasium, Box2D and pygame: "
            'pip install "gymnasium>=1.2" "box2d>=2.3.10" pygame-ce'
        ) from error
    from gymnasium.envs.box2d.car_racing import CarRacing

    class Physics(CarRacing):
        def _render(self, mode: str) -> None:
            """Draw nothing: the camera is ours."""

    return Physics
