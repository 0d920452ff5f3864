"""Rows as a linear layer of a reader's own sees them, dense or sparse, and the layer, fitted to labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor, nn

from tlutils.features import as_linear_layer
from tlutils.inputs import check_dense, checked
from tlutils.nets import WIDEST
from tlutils.tensors import check_class_numbers, check_count, check_floats, finite
from tlutils.trainable import working

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DENSE, SPARSE = 0.1, 100  # inverse strengths of regularisation, the same for all data: chosen by habit, tuned on none
LEAST_SPREAD = 0.1  # of the median column's; a column that hardly varies would else be blown up
Table: TypeAlias = "Tensor | csr_matrix"


@checked
def rows_of(table: Table, rows: Tensor) -> Table:
    """Return the rows of a table (n, d) at these numbers (m,). Raises ValueError for another table or other numbers."""
    check_table(table)
    if rows.dtype == torch.bool:
        raise ValueError("rows must be numbers of rows (m,), not a mask: pass rows.nonzero().squeeze(1)")
    check_class_numbers(rows, "the numbers of rows", classes=table.shape[0])
    return table[rows] if isinstance(table, Tensor) else table[rows.numpy()]


@checked
def check_table(table: Table, width: int | None = None) -> None:
    """Raise TypeError for what is no table, ValueError for one that is not (n, width) or not finite."""
    if isinstance(table, Tensor):
        check_dense(table, "a table")
        check_floats(table, "a table", "(n, d)")
    elif not hasattr(table, "tocsr"):
        raise TypeError(f"a table is a tensor (n, d) or a sparse matrix of SciPy, got {type(table).__name__}")
    if width not in (None, table.shape[1]):
        raise ValueError(f"a table of {width} columns is wanted, got {tuple(table.shape)}")


class Linear(nn.Module):
    """A linear layer, fitted by logistic regression, on rows (n, d), dense or sparse: logits (n, k).

    Raises ValueError for weights that are not (k, d), (k,) and finite, a table of another width, and what overflows.
    """

    @checked
    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        check_floats(weight, "weight", "(k, d)")
        check_floats(bias, "bias", "(k,)")
        if len(weight) != len(bias):
            raise ValueError(f"weight (k, d) and bias (k,) need one k, got {tuple(weight.shape)}, {tuple(bias.shape)}")
        self.weight, self.bias = nn.Parameter(weight, False), nn.Parameter(bias, False)

    def forward(self, table: Table) -> Tensor:
        check_table(table, self.weight.shape[1])
        if isinstance(table, Tensor):
            return finite(table.to(self.weight.dtype) @ self.weight.T + self.bias, "the rows are too large, scale them")
        return torch.from_numpy(table @ self.weight.T.double().numpy()).float() + self.bias

    @classmethod
    @checked
    def fitted(cls, table: Table, y: Tensor, classes: int) -> Linear:
        """Fit to rows (n, d) with labels (n,); a class without a row is never predicted, one alone always.

        Raises ValueError for other labels, a table that is not finite, or one too large for a variance.
        """
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        check_table(table)
        check_count("classes", classes, most=WIDEST)
        check_class_numbers(y, "labels", rows=table.shape[0], classes=classes)
        if len(y.unique()) == 1:
            return cls(torch.zeros(classes, table.shape[1]), torch.where(torch.arange(classes) == y[0], 0.0, -1e4))
        dense = isinstance(table, Tensor)
        mean, scale = torch.zeros(table.shape[1]), torch.ones(1)
        if dense:
            table = table.detach()
            mean, scale = finite(torch.stack([table.mean(0), table.std(0)]), "the rows are too large, scale them")
            scale = scale.clamp(min=max(LEAST_SPREAD * scale.median().item(), 1e-12))
            table = (table - mean) / scale
        regression = LogisticRegression(C=DENSE if dense else SPARSE, max_iter=1000)
        with threadpool_limits(1), working("the regression", regression, table):
            regression.fit(table, y)
        weight, bias = as_linear_layer(regression, mean, scale)
        rows = torch.from_numpy(regression.classes_).long()
        full, low = torch.zeros(classes, weight.shape[1]), torch.full((classes,), -1e4)
        full[rows], low[rows] = weight.float(), bias.float()
        return cls(full, low)
