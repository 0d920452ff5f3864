"""The expert: pure pursuit, a driver that reads the track instead of the picture."""

from __future__ import annotations

import numpy as np

from tlutils.inputs import checked
from tlutils.simulator import FULL_LOCK, Simulator

WHEELBASE = 3.24  # units between the axles
AHEAD = 5  # tiles of 3.5 units: the point of the middle line that the expert heads for


@checked
def pursue(run: Simulator) -> float:
    """Return the steering in [−1, 1] that leads along an arc to a point of the middle line ahead.

    The wheels' angle is atan(2 · wheelbase · x / d²) for a point at distance d, x to the side.

    Source: Coulter (1992), Implementation of the pure pursuit path tracking algorithm, Carnegie
    Mellon University CMU-RI-TR-92-01. Taught in notebook 14.
    """
    goal = run.middle[(run.tile + AHEAD) % len(run.middle)] - run.position
    side = np.cos(run.angle) * goal[0] + np.sin(run.angle) * goal[1]
    wheels = np.arctan(2 * WHEELBASE * side / (goal @ goal))
    return float(np.clip(wheels / FULL_LOCK, -1, 1))
