"""The camera on the bonnet: a flat track drawn in perspective, as a small picture."""

from __future__ import annotations

import numpy as np

from tlutils.inputs import checked
from tlutils.worlds import World

HEIGHT, WIDTH = 36, 64  # pixels of a frame
FOCAL = 32.0  # pixels: a horizontal field of view of 90 degrees
NEAR, FAR = 1.5, 160.0  # units in front of the camera between which the ground is drawn
FARTHEST = 1e5  # units: no track reaches as far
DETAIL = 2  # each pixel is the mean of DETAIL × DETAIL drawn ones


@checked
def draw_view(
    polygons: np.ndarray, colours: np.ndarray, position: np.ndarray, angle: float, world: World
) -> np.ndarray:
    """Return the clean view (HEIGHT, WIDTH, 3), uint8, of flat polygons (m, 4, 2) in their colours (m, 3).

    `position` is the car's, `angle` its heading, counterclockwise from the y axis in radians. Later
    polygons cover earlier ones. The image plane stands upright and is shifted to `world.horizon`, so
    vertical lines stay vertical and a point of the ground lies at row horizon + focal · height / distance.

    Raises ValueError for arrays of another shape, and places that are not numbers or farther away than FARTHEST.
    Taught in notebook 14.
    """
    import pygame

    _check_points("polygons", polygons, (len(polygons) if polygons.ndim else 0, 4, 2))
    _check_points("position", position, (2,))
    whole = colours.shape == (len(polygons), 3) and colours.dtype.kind in "iu"
    if not whole or colours.min(initial=0) < 0 or colours.max(initial=0) > 255:
        raise ValueError(f"colours must be whole numbers (m, 3) from 0 to 255, got {colours.dtype} {colours.shape}")
    if not abs(angle) <= FARTHEST:
        raise ValueError(f"angle must be a heading in radians, got {angle}")
    heading = angle - np.deg2rad(world.yaw)
    right, forward = (np.cos(heading), np.sin(heading)), (-np.sin(heading), np.cos(heading))
    eye = position + world.lateral * np.array((np.cos(angle), np.sin(angle)))
    x, y = np.moveaxis((polygons - eye) @ np.array([right, forward]).T, -1, 0)
    seen = (y.max(1) > NEAR) & (y.min(1) < FAR) & (np.abs(x).min(1) < 1.3 * np.maximum(y.max(1), NEAR) + 5)
    x, y = x[seen], np.maximum(y[seen], NEAR)  # what lies nearer than NEAR is below the picture
    focal, horizon = DETAIL * FOCAL, DETAIL * HEIGHT * world.horizon
    corners = np.stack([DETAIL * WIDTH / 2 + focal * x / y, horizon + focal * world.height / y], -1)
    surface = pygame.Surface((DETAIL * WIDTH, DETAIL * HEIGHT))
    surface.fill(world.ground)
    surface.fill(world.sky, (0, 0, DETAIL * WIDTH, round(horizon)))
    for points, colour in zip(corners.tolist(), colours[seen].tolist(), strict=True):
        pygame.draw.polygon(surface, colour, points)
    pixels = pygame.surfarray.array3d(surface).transpose(1, 0, 2).astype(np.uint16)
    parts = [pixels[row::DETAIL, column::DETAIL] for row in range(DETAIL) for column in range(DETAIL)]
    return np.rint(sum(parts) / DETAIL**2).astype(np.uint8)


@checked
def road_polygons(left: np.ndarray, right: np.ndarray, kerb: np.ndarray, world: World) -> tuple[np.ndarray, np.ndarray]:
    """Return polygons (m, 4, 2) and colours (m, 3) of a closed road between its edges (n, 2) and (n, 2).

    `kerb` (n,) is −1 or 1 where a kerb lies left or right of a tile and 0 elsewhere; lines and kerbs
    are drawn as the world has them. Raises ValueError as `draw_view` does.
    """
    for what, points in {"left": left, "right": right}.items():
        _check_points(what, points, (len(left) if left.ndim else 0, 2))
    _check_points("kerb", kerb, (len(left),))

    def strip(start: float, end: float) -> np.ndarray:
        """Return quads between two shares of the way from the left edge to the right one."""
        inner, outer = left + start * (right - left), left + end * (right - left)
        return np.stack([inner, outer, np.roll(outer, -1, 0), np.roll(inner, -1, 0)], 1)

    n = np.arange(len(left))
    parts = [(strip(0, 1), np.tile(world.road, (len(n), 1)))]
    if world.line:
        parts += [(quads, np.tile(world.line, (len(quads), 1))) for quads in (strip(0, 0.04), strip(0.96, 1))]
        dashes = strip(0.48, 0.52)[n // 2 % 2 == 0]
        parts.append((dashes, np.tile(world.line, (len(dashes), 1))))
    if world.kerbs:
        paint = np.where((n % 2 == 0)[:, None], (255, 255, 255), (255, 0, 0))
        parts += [(strip(-0.1, 0)[kerb < 0], paint[kerb < 0]), (strip(1, 1.1)[kerb > 0], paint[kerb > 0])]
    polygons, colours = zip(*parts, strict=True)
    return np.concatenate(polygons), np.concatenate(colours)


def _check_points(what: str, points: np.ndarray, shape: tuple[int, ...]) -> None:
    if points.shape != shape or points.dtype.kind not in "iuf":
        raise ValueError(f"{what} must be numbers of shape {shape}, got {points.dtype} {points.shape}")
    if not np.abs(points).max(initial=0) <= FARTHEST:  # NaN fails every comparison
        raise ValueError(f"{what} must be numbers, none beyond {FARTHEST:,.0f} units")
