"""Learning without labels: two views of one picture belong together, views of different pictures do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlutils.batches import Batches
from tlutils.domains import Domain
from tlutils.inputs import checked
from tlutils.loop import Terms, minimise
from tlutils.nets import WIDEST
from tlutils.parallel import forward
from tlutils.tensors import check_count
from tlutils.text_blocks import check_rows
from tlutils.trainable import check_settings, view_of, working


class Projected(nn.Module):
    """An encoder f and a small head g on top of it: unit vectors g(f(x)) / ‖g(f(x))‖, (n, dim).

    The encoder must have an attribute `dim`, the width of its output, and says what x may be.

    Raises ValueError without one, for a width below 1, or x that it cannot read. Source: Chen et al. (2020),
    section 2.1, arXiv:2002.05709. Taught in notebook 05.
    """

    @checked
    def __init__(self, encoder: nn.Module, dim: int = 64) -> None:
        super().__init__()
        self.encoder = encoder
        width: Any = getattr(encoder, "dim", None)
        if not isinstance(width, int):
            raise ValueError(f"{type(encoder).__name__} is no encoder: set its attribute dim, the width of its output")
        check_count("the encoder's dim", width, most=WIDEST)
        check_count("dim", dim, most=WIDEST)
        self.head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, dim))
        self.dim = dim
        self.channels = getattr(encoder, "channels", None)

    def forward(self, x: Tensor) -> Tensor:
        with working("the encoder", self.encoder, x):
            return F.normalize(self.head(self.encoder(x)), dim=1)


@checked
def contrastive_loss(z1: Tensor, z2: Tensor, temperature: float = 0.2) -> Tensor:
    """Return the mean NT-Xent loss of two views z1, z2 (n, d): row i of one belongs to row i of the other.

    Every row of the 2n has to pick its partner among the 2n − 1 others; the score of a pair is its
    cosine over `temperature`. Rows need not have unit length. NaN and infinities in a view, or a temperature near 0,
    make a loss that is NaN: training stops there.

    Raises ValueError for shapes that do not fit, fewer than two rows, or a temperature that is not
    positive. Source: Chen et al. (2020), equation 1, arXiv:2002.05709. Taught in notebook 05.
    """
    for name, z in (("first", z1), ("second", z2)):
        if z.ndim != 2 or not z.is_floating_point():
            raise ValueError(f"the {name} view must be a float tensor (n, d), got {z.dtype} {tuple(z.shape)}")
    if z1.shape != z2.shape:
        raise ValueError(f"two views of the same rows have one shape, got {tuple(z1.shape)} and {tuple(z2.shape)}")
    if len(z1) < 2:
        raise ValueError(f"the views have {len(z1)} rows; a contrast needs at least 2")
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    scores = (z @ z.T / temperature).fill_diagonal_(-torch.inf)  # nobody is their own partner
    partner = torch.arange(len(z), device=z.device).roll(len(z1))
    return F.cross_entropy(scores, partner)


@checked
def fit_unlabelled(
    model: nn.Module,
    domain: Domain,
    augment: Callable[[Tensor], Tensor],
    *,
    loss: Callable[[Tensor, Tensor], Tensor] = contrastive_loss,
    epochs: int = 10,
    steps: int | None = None,
    batch_size: int = 128,
    lr: float = 5e-3,
    seed: int = 0,
) -> list[dict[str, float]]:
    """Train `model` in place so that two random views of the same input get outputs of small `loss`.

    `augment` draws a view of every row of a batch and is called for two at a time; labels of the
    domain are never read. Rates follow one cycle up to `lr`; `steps` replaces `epochs` (passes over
    the domain). Returns the mean loss, a dict per epoch.

    Raises ValueError for a model, a domain, settings, views or a loss that cannot be trained with, FloatingPointError
    when the loss stops being finite. Source: Chen et al. (2020), algorithm 1, arXiv:2002.05709.
    Taught in notebook 05.
    """
    check_settings(lr=lr, epochs=epochs, steps=steps, batch_size=batch_size)
    if not isinstance(domain.x, Tensor) or len(domain) < 2:
        raise ValueError(f"{domain.name}: learning from views needs a tensor of at least 2 rows, got {domain!r}")
    stream = Batches(domain.unlabelled(), batch_size)

    def objective(prepared: list[nn.Module], device: torch.device, progress: float) -> Terms:
        x = next(stream)[0].to(device)[:]
        views = forward(prepared[0], view_of(torch.cat([x, x]), augment))
        check_rows(views, 2 * len(x), "views")
        with working("loss", loss, views):
            return {"loss": loss(*views.split(len(x)))}

    per_epoch = max(1, len(domain) // batch_size)
    steps = steps or epochs * per_epoch
    return minimise(objective, [model], streams=[stream], steps=steps, per_epoch=per_epoch, lr=lr, seed=seed)
