"""Source rows moved to where the target lies: along the cheapest plan, or by means and covariances alone."""

from __future__ import annotations

import torch
from torch import Tensor

from tlutils.discrepancy import checked_pair, covariance
from tlutils.inputs import checked
from tlutils.tensors import check_floats, finite

TOLERANCE = 1e-6  # of all mass, how much may lie in the wrong row before the last correction
ROUNDS = 5000  # at most: where n = m and little smoothing is asked for, the last digits come slowly


@checked
def sinkhorn(cost: Tensor, *, regularisation: float) -> Tensor:
    """Return the plan P (n, m) that moves equal masses 1/n to equal masses 1/m at the least cost, made smooth.

    P minimises Σ P_ij (C_ij + ε (log P_ij − 1)) for the cost C (n, m) of moving mass from i to j, with
    ε = `regularisation` in the cost's own units: towards 0 it is the cheapest plan, large values spread every
    row over all columns. In the log domain, so that no small ε underflows; float64, without gradient.
    Rows and columns are put right in turn until 1e-6 of the mass is misplaced, or 5,000 times; what
    is left is put right at once, so all mass leaves and arrives in any case.

    Raises ValueError for a cost that is not finite or no table, or an ε that is not positive, or too
    small for a float. Source: Cuturi (2013), arXiv:1306.0895; Peyré & Cuturi (2019), section 4.4,
    arXiv:1803.00567; for the last step Altschuler et al. (2017), algorithm 2, arXiv:1705.09634. Taught in notebook 16.
    """
    check_floats(cost, "cost", "(n, m)")
    if not 0 < regularisation < float("inf"):
        raise ValueError(f"regularisation must be positive, got {regularisation}: it is in the units of the cost")
    scores = -cost.detach().double() / regularisation
    n, m = scores.shape
    rows, columns = -torch.tensor(n).double().log(), -torch.tensor(m).double().log()  # log of the mass of each
    across = torch.zeros(n, 1, dtype=torch.float64)
    for _ in range(ROUNDS):
        # After this the columns are right by construction, and only the rows can still be wrong.
        down = columns - (scores + across).logsumexp(0, keepdim=True)
        right = rows - (scores + down).logsumexp(1, keepdim=True)
        if ((across - right + rows).exp() - rows.exp()).abs().sum() < TOLERANCE:
            break
        across = right
    plan = _feasible((scores + across + down).exp())
    return finite(plan, f"regularisation {regularisation:g} is too small for costs up to {cost.max():g}")


def _feasible(plan: Tensor) -> Tensor:
    """Return the plan (n, m) with what a row gives too much cut off, and brought where mass is missing."""
    n, m = plan.shape
    plan = plan * (1 / n / plan.sum(1, keepdim=True)).clamp_max(1)
    plan = plan * (1 / m / plan.sum(0)).clamp_max(1)
    rest, missing = (1 / n - plan.sum(1)).clamp_min(0), (1 / m - plan.sum(0)).clamp_min(0)
    return plan + rest[:, None] * missing / rest.sum() if rest.sum() > 0 else plan


@checked
def transported(source: Tensor, target: Tensor, *, regularisation: float = 0.05) -> Tensor:
    """Return the rows of source (n, d), each moved to the mean of the target rows (m, d) that its mass goes to.

    The cost is the squared distance, and `regularisation` a share of its mean. A classifier trained on
    the moved rows, with the source's labels, is used on the target as it is. The cheapest way need not
    be the true one: rows of a class that is rarer in the target are carried to another class.

    Raises ValueError for shapes that do not fit, fewer than two rows, values that are not finite or too
    large to square, or a regularisation that is not positive. Source: Courty et al. (2017), equation 14,
    arXiv:1507.00504. Taught in notebook 16.
    """
    a, b = (rows.detach() for rows in checked_pair(source, target))
    middle = b.mean(0)  # an offset common to all would cost the distances their digits
    a, b = (a - middle).double(), (b - middle).double()
    cost = finite(torch.cdist(a, b).square(), "rows are too far apart")
    if not cost.any():
        return source.clone()
    plan = sinkhorn(cost, regularisation=regularisation * cost.mean().item())
    return finite((len(a) * plan @ b + middle).to(source.dtype), f"{target.dtype} does not fit {source.dtype}")


@checked
def recoloured(source: Tensor, target: Tensor) -> Tensor:
    """Return the rows of source (n, d) with the mean and the covariance of target (m, d): CORAL in its closed form.

    The rows are whitened and coloured again, (x − mean_S) C_S^−½ C_T^½ + mean_T. To either covariance its mean
    variance is added on the diagonal, which keeps n < d harmless; the paper adds 1 to rows of variance 1.

    Raises ValueError for shapes that do not fit, fewer than two rows or values that are not finite or too large to
    square. Source: Sun, Feng & Saenko (2016), algorithm 1, arXiv:1511.05547. Taught in notebook 16.
    """
    a, b = (rows.detach().double() for rows in checked_pair(source, target))
    change = _power(a, -0.5) @ _power(b, 0.5)
    moved = (a - a.mean(0)) @ change + b.mean(0)
    return finite(moved.to(source.dtype), f"{target.dtype} does not fit {source.dtype}")


def _power(rows: Tensor, exponent: float) -> Tensor:
    """Return a power of the covariance (d, d), its mean variance added on the diagonal."""
    c = finite(covariance(rows), "the rows' covariance overflows")
    values, vectors = torch.linalg.eigh(c)
    ridge = c.diagonal().mean().clamp_min(torch.finfo(c.dtype).tiny)  # rows that are all equal stay where they are
    return (vectors * (values.clamp_min(0) + ridge) ** exponent) @ vectors.T
