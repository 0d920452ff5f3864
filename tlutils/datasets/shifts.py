"""Two-dimensional worlds in which exactly one thing moves between source and target.

Simulated, so that it is known what moved. In each world a linear model does well on the source.
Source and target come from the same sampler with one number changed; `strength` 0 changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from tlutils.domains import Domain
from tlutils.inputs import check_span, checked

CLASSES = ("dots", "crosses")
NOISE = 0.3  # how uncertain a label is near the rule's border

Sampler = Callable[[int, float, Generator], tuple[Tensor, Tensor]]


@checked
def covariate(n: int = 1000, strength: float = 1.0, seed: int = 0) -> tuple[Domain, Domain]:
    """Draw source and target, `n` points each, between which P(x) alone moves: covariate shift.

    Points lie around the curve x₂ = x₁²/2 and are crosses above it, dots below: P(y|x) is that rule
    in both domains, and either class is equally likely. The source sits on the curve's left arm, around
    x₁ = −1.5; the target's centre is at −1.5 + 3·strength. A line fits one arm, never both.

    Raises ValueError for a strength outside [0, 1], n below 2 or beyond ten million. Source: Shimodaira (2000),
    doi:10.1016/S0378-3758(00)00115-4. Taught in notebook 02.
    """
    return _pair("covariate shift", _around_a_curve, (-1.5, 3.0), n, strength, seed)


@checked
def label(n: int = 1000, strength: float = 1.0, seed: int = 0) -> tuple[Domain, Domain]:
    """Draw source and target, `n` points each, between which P(y) moves and P(x|y) stays: label shift.

    Dots and crosses are two overlapping clouds that never change. The share of crosses is 10 % in
    the source and 10 % + 80 %·strength in the target. With the mixture P(x) moves, and so does P(y|x).

    Raises ValueError for a strength outside [0, 1], n below 2 or beyond ten million. Source: Lipton et al. (2018),
    arXiv:1802.03916. Taught in notebook 02.
    """
    return _pair("label shift", _two_clouds, (0.1, 0.8), n, strength, seed)


@checked
def concept(n: int = 1000, strength: float = 1.0, seed: int = 0) -> tuple[Domain, Domain]:
    """Draw source and target, `n` points each, between which P(y|x) alone moves: concept shift.

    One round cloud in both domains, halved by a straight border into dots and crosses, each equally
    likely. In the target the border is turned by 90°·strength.

    Raises ValueError for a strength outside [0, 1], n below 2 or beyond ten million. Source:
    Moreno-Torres et al. (2012), doi:10.1016/j.patcog.2011.07.019. Taught in notebook 02.
    """
    return _pair("concept shift", _halved_cloud, (0.0, math.pi / 2), n, strength, seed)


@checked
def subspace(n: int = 1000, strength: float = 1.0, seed: int = 0) -> tuple[Domain, Domain]:
    """Draw source and target, `n` points each, between which the useful direction moves: subspace shift.

    Dots and crosses, equally likely, are two clouds. Along x₁ they lie apart in both domains, and overlap a little.
    Along x₂ they lie close together but far apart for their width, so that in the source x₂ tells them
    apart better; in the target it does so by 1 − strength only, and noise makes up for it, so that no variance changes.

    Raises ValueError for a strength outside [0, 1], n below 2 or beyond ten million. Source: Fernando et al. (2013),
    doi:10.1109/ICCV.2013.368. Taught in notebook 16.
    """
    return _pair("subspace shift", _coarse_and_fine, (1.0, -1.0), n, strength, seed)


def _pair(
    name: str, sampler: Sampler, setting: tuple[float, float], n: int, strength: float, seed: int
) -> tuple[Domain, Domain]:
    """Draw from `sampler` at a start value, then again at start + strength · step, independently."""
    check_span(n, "n", 2, 10**7)
    strength = float(strength)
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must lie between 0 (no shift) and 1, got {strength!r}")
    generator = torch.Generator().manual_seed(seed)
    start, step = setting
    values = {"source": start, "target": start + strength * step}
    source, target = (
        Domain(*sampler(n, value, generator), CLASSES, f"{name}, {role}") for role, value in values.items()
    )
    return source, target


def _around_a_curve(n: int, centre: float, generator: Generator) -> tuple[Tensor, Tensor]:
    along = centre + 0.7 * torch.randn(n, generator=generator)
    above = torch.randn(n, generator=generator)
    x = torch.stack([along, along.square() / 2 + above], dim=1)
    return x, _noisy(above, generator)


def _two_clouds(n: int, share: float, generator: Generator) -> tuple[Tensor, Tensor]:
    y = (torch.rand(n, generator=generator) < share).long()
    middles = torch.tensor([[-0.7, -0.7], [0.7, 0.7]])
    return middles[y] + torch.randn(n, 2, generator=generator), y


def _halved_cloud(n: int, angle: float, generator: Generator) -> tuple[Tensor, Tensor]:
    x = torch.randn(n, 2, generator=generator)
    across = x @ torch.tensor([math.cos(angle), math.sin(angle)])
    return x, _noisy(across, generator)


def _coarse_and_fine(n: int, told: float, generator: Generator) -> tuple[Tensor, Tensor]:
    y = (torch.rand(n, generator=generator) < 0.5).long()
    side = 2.0 * y - 1
    coarse = 1.5 * side + torch.randn(n, generator=generator)
    fine = told * side + math.sqrt(1.09 - told**2) * torch.randn(n, generator=generator)
    return torch.stack([coarse, 0.5 * fine], dim=1), y


def _noisy(height: Tensor, generator: Generator) -> Tensor:
    """Return class 1 above the border and 0 below it, uncertain close to it."""
    return (height + NOISE * torch.randn(len(height), generator=generator) > 0).long()
