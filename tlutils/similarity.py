"""How alike two representations of the same examples are: layer against layer, before against after."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tlutils.inputs import checked
from tlutils.loop import evaluation_mode
from tlutils.tensors import check_count, check_floats, device_of
from tlutils.trainable import working

NOTHING = 1e-12  # a squared norm below this share of the rows' own is rounding
EXTREME = 1e-150  # the product of two such norms is still a float


@checked
def cka(a: Tensor, b: Tensor, *, debiased: bool = True) -> float:
    """Return the linear centred kernel alignment of two representations a (n, p), b (n, q) of the same n rows.

    1 when a turn, a shift and one scale make them equal. 0 in the mean for unrelated ones, around which
    the debiased value varies: it lies in [−1, 1]. The biased one, in [0, 1], is what the paper
    defines; it nears 1 for any two representations with more features than rows. Nothing larger than
    p × q or n × n is made, whichever is smaller. Flatten feature maps first.

    Raises ValueError for shapes that do not fit, values that are not finite or extreme, fewer than four rows (biased:
    two), or a representation that is the same for every row. Source: Kornblith et al. (2019),
    arXiv:1905.00414, section 3; debiased: Song et al. (2012), JMLR 13, 1393–1434.
    Taught in notebook 18.
    """
    least = 4 if debiased else 2
    a, b = _centred("first", a, least), _centred("second", b, least)
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} rows: both representations must be of the same examples")
    own = {name: _alignment(x, x, debiased) for name, x in (("first", a), ("second", b))}
    for (name, norm), x in zip(own.items(), (a, b), strict=True):
        if norm <= NOTHING * x.square().sum().square():
            raise ValueError(f"the {name} representation does not tell the rows apart, so there is nothing to align")
        if not EXTREME < norm < 1 / EXTREME:
            raise ValueError(f"the {name} representation is too large, or too small, for fourth powers: scale it first")
    return (_alignment(a, b, debiased) / (own["first"] * own["second"]).sqrt()).item()


@checked
def layer_outputs(model: nn.Module, layers: Sequence[nn.Module], x: Tensor, *, batch_size: int = 256) -> list[Tensor]:
    """Return what each layer puts out for inputs x (n, …), flattened: a list of (n, d), as `cka` compares them.

    Model and mode stay as they were; where the model overflows its outputs are infinite or NaN.

    Raises ValueError when a layer is not used, or not once, in a pass of the model, or the model cannot read x.
    Taught in notebook 18.
    """
    kept: list[list[Tensor]] = [[] for _ in layers]
    device = device_of(model)
    check_floats(x, "x", "(n, …)")
    check_count("batch_size", batch_size)

    def keeper(parts: list[Tensor]):
        def keep(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            if not isinstance(output, Tensor) or output.ndim == 0:
                raise ValueError(f"{type(module).__name__} puts out {type(output).__name__}, not rows (n, …)")
            parts.append(output.detach().flatten(1).cpu())

        return keep

    hooks = [layer.register_forward_hook(keeper(parts)) for layer, parts in zip(layers, kept, strict=True)]
    batches = x.split(batch_size)
    try:
        with torch.no_grad(), evaluation_mode(model), working("the model", model, x):
            for batch in batches:
                model(batch.to(device))
    finally:
        for hook in hooks:
            hook.remove()
    for number, parts in enumerate(kept):
        if len(parts) != len(batches):
            raise ValueError(f"layer {number} was used {len(parts)} times in {len(batches)} passes, not once in each")
    return [torch.cat(parts) for parts in kept]


def _alignment(a: Tensor, b: Tensor, debiased: bool) -> Tensor:
    """Return the inner product of the kernels a aᵀ and b bᵀ of centred a (n, p) and b (n, q), up to a factor of n."""
    n = len(a)
    small = a.shape[1] * b.shape[1] <= n * n
    product = (a.T @ b).square().sum() if small else ((a @ a.T) * (b @ b.T)).sum()
    if not debiased:
        return product
    # An example's likeness to itself says nothing; its share is taken out of sums and means.
    of_a, of_b = a.square().sum(1), b.square().sum(1)
    return product - n / (n - 2) * (of_a @ of_b) + of_a.sum() * of_b.sum() / ((n - 1) * (n - 2))


def _centred(name: str, x: Tensor, least: int) -> Tensor:
    """Return x (n, d), checked, in float64 and minus its mean."""
    check_floats(x, f"the {name} representation", "(n, d)", rows=least)
    x = x.detach().cpu().double()
    x = x - x[0]  # first exactly, so that equal rows become zeros and not the rounding of their mean
    return x - x.mean(0)
