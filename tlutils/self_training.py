"""Learning from one's own surest predictions, and words and vectors side by side: what reaches another category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tlutils.domains import UNLABELLED

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

SHARES = (0.1, 0.18, 0.26, 0.34, 0.42)  # of the target, taken for each of two classes, round by round


def side_by_side(texts: Sequence[Sequence[str]], rows: Sequence[Tensor], share: float = 0.3) -> list[csr_matrix]:
    """Return one sparse table (n, words + d) for each list of texts: weighted counts of words beside `share` · rows.

    Counts of words and of pairs of neighbours, those in at least two texts, weighted by TF-IDF over all
    lists, rows of length 1; `rows` (n, d) are an encoder's, also of length 1. `share` says how
    loud they are beside the words: 0 leaves the bag of words.

    Raises ValueError when lists and tables differ in number or length. Taught in notebook 12.
    """
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    if [len(part) for part in texts] != [len(part) for part in rows]:
        raise ValueError(f"{[len(p) for p in texts]} texts but {[len(p) for p in rows]} rows: need a row for each text")
    counts = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    counts.fit([text for part in texts for text in part])
    return [
        hstack([counts.transform(part), csr_matrix(share * vectors.numpy())]).tocsr()
        for part, vectors in zip(texts, rows, strict=True)
    ]


def self_training(
    known: csr_matrix | Tensor, labels: Tensor, met: csr_matrix | Tensor, *, shares: Sequence[float] = SHARES
) -> LogisticRegression:
    """Return a logistic regression taught by labels on `known` (n, d) and by its surest predictions on `met` (m, d).

    Round by round, the `shares` · m rows that it takes most surely for either of the two classes
    get that class for label, and it is trained anew on them and the known rows. So it learns the
    target's own words from those that both domains share. It assumes that the target's classes are about equally
    frequent, and where its first predictions are wrong it becomes surer of the mistake.

    Raises ValueError when `labels` does not fit, holds an unknown one, or is not of two classes, 0 and 1.
    Source: Scudder (1965), doi:10.1109/TIT.1965.1053799; Yarowsky (1995), doi:10.3115/981658.981684.
    Taught in notebook 12.
    """
    import numpy as np
    from scipy.sparse import csr_matrix, vstack
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    known, met = csr_matrix(known), csr_matrix(met)
    if labels.shape != (known.shape[0],) or UNLABELLED in labels or labels.unique().tolist() != [0, 1]:
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
    return model
