"""Learning from one's own surest predictions, and words and vectors side by side: what reaches another category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tlutils.inputs import checked
from tlutils.tensors import check_floats

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

SHARES = (0.1, 0.18, 0.26, 0.34, 0.42)  # of the target, taken for each of two classes, round by round


@checked
def side_by_side(texts: Sequence[Sequence[str]], rows: Sequence[Tensor], share: float = 0.3) -> list[csr_matrix]:
    """Return one sparse table (n, words + d) for each list of texts: weighted counts of words beside `share` · rows.

    Counts of words and of pairs of neighbours, those in at least two texts, weighted by TF-IDF over all
    lists, rows of length 1; `rows` (n, d) are an encoder's, also of length 1. `share` says how
    loud they are beside the words: 0 leaves the bag of words.

    Raises ValueError when lists and tables differ in number or length, rows are not finite or of different widths,
    the share is negative, or no word is in two texts. Taught in notebook 12.
    """
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    if [len(part) for part in texts] != [len(part) for part in rows]:
        raise ValueError(f"{[len(p) for p in texts]} texts but {[len(p) for p in rows]} rows: need a row for each text")
    if not texts or not share >= 0:
        raise ValueError(f"need one list of texts at least and a share of 0 or more, got {len(texts)} and {share}")
    scaled = [share * _single(vectors) for vectors in rows]
    for vectors in scaled:
        check_floats(vectors, "share · rows", "(n, d)")
    if len({vectors.shape[1] for vectors in scaled}) > 1:
        raise ValueError(f"rows must come from one encoder, their widths are {[v.shape[1] for v in scaled]}")
    counts = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    try:
        counts.fit([text for part in texts for text in part])
    except ValueError as error:
        raise ValueError(f"no word is in two of the texts: {error}") from error
    return [
        hstack([counts.transform(part), csr_matrix(vectors.numpy())]).tocsr()
        for part, vectors in zip(texts, scaled, strict=True)
    ]


@checked
def self_training(
    known: csr_matrix | Tensor, labels: Tensor, met: csr_matrix | Tensor, *, shares: Sequence[float] = SHARES
) -> LogisticRegression:
    """Return a logistic regression taught by labels on `known` (n, d) and by its surest predictions on `met` (m, d).

    Round by round, the `shares` · m rows that it takes most surely for either of the two classes
    get that class for label, and it is trained anew on them and the known rows. So it learns the
    target's own words from those that both domains share. It assumes that the target's classes are about equally
    frequent, and where its first predictions are wrong it becomes surer of the mistake.

    Raises ValueError when `labels` does not fit, holds an unknown one, or is not of two classes, 0 and 1, when
    the tables have other columns or values that are not finite, or a share is not above 0 and at most 0.5.
    Source: Scudder (1965), doi:10.1109/TIT.1965.1053799; Yarowsky (1995), doi:10.3115/981658.981684.
    Taught in notebook 12.
    """
    import numpy as np
    from scipy.sparse import vstack
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    known, met = _sparse(known, "known"), _sparse(met, "met")
    if known.shape[1] != met.shape[1]:
        raise ValueError(f"known and met must have the same columns, got {known.shape[1]} and {met.shape[1]}")
    if labels.shape != known.shape[:1] or labels.unique().tolist() != [0, 1]:
        raise ValueError(f"need a label 0 or 1, both classes, for each of {known.shape[0]} rows, got {labels!r:.80}")
    if not all(0 < share <= 0.5 for share in shares):
        raise ValueError(f"shares must lie above 0 and at most at 0.5, half of the target for a class; got {shares}")
    with threadpool_limits(1):
        model = LogisticRegression(C=10, max_iter=2000).fit(known, labels)
        for share in shares:
            order = np.argsort(model.decision_function(met), kind="stable")
            count = max(1, int(share * len(order)))
            rows = vstack([known, met[order[:count]], met[order[-count:]]])
            taken = torch.arange(2).repeat_interleave(count)
            model = LogisticRegression(C=10, max_iter=2000).fit(rows, torch.cat([labels, taken]))
    if not np.isfinite(model.coef_).all():
        raise ValueError("the regression has no finite weights: scale known and met, 1 being the length of a row")
    return model


def _single(x: Tensor) -> Tensor:
    """Return x without gradient and in float32 at least: SciPy has no tables of fewer digits."""
    return x.detach().to(torch.promote_types(x.dtype, torch.float32))


def _sparse(x: csr_matrix | Tensor, name: str) -> csr_matrix:
    """Return a table (n, d), checked, as a sparse one."""
    import numpy as np
    from scipy.sparse import csr_matrix, issparse

    if isinstance(x, Tensor):
        check_floats(x, name, "(n, d)")
        return csr_matrix(_single(x).numpy())
    if not issparse(x):
        raise TypeError(f"{name} must be a tensor or a SciPy sparse table (n, d), got {type(x).__name__}")
    if 0 in x.shape or x.dtype.kind not in "biuf" or not np.isfinite(x.sum()):
        raise ValueError(f"{name} needs rows and columns of finite numbers, got {x.shape} of {x.dtype}")
    return csr_matrix(x)
