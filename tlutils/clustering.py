"""Groups without names: find them, compare them with each other, and with labels kept for the score."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

import torch
from torch import Tensor

from tlutils.domains import UNLABELLED
from tlutils.inputs import check_dense, checked
from tlutils.tensors import check_floats, found

UNMATCHED = -1  # the class of a row whose cluster is matched with none
LARGEST = 1e100  # beyond this the squares of a distance overflow


@checked
def kmeans(x: Tensor, clusters: int, seed: int = 0) -> Tensor:
    """Return the cluster number (n,), 0 … `clusters` − 1, of every row of x (n, …) by k-means.

    The best of ten starts. Raises ValueError for fewer rows than clusters, or values that are not
    finite or beyond 1e100. Source: Lloyd (1982), doi:10.1109/TIT.1982.1056489; scikit-learn. Taught in notebook 05.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    rows = x if x.ndim < 2 else x.detach().flatten(1).double()
    check_floats(rows, "x", "(n, …)")
    if not 1 <= clusters <= len(rows):
        raise ValueError(f"{len(rows)} rows cannot be put into {clusters} clusters")
    if rows.abs().max() > LARGEST:
        raise ValueError(f"x has values beyond {LARGEST:g}, whose squares overflow: scale it first")
    with threadpool_limits(1):  # sums in one order: the same clusters on every run
        found = KMeans(clusters, n_init=10, random_state=seed).fit_predict(rows.numpy())
    return torch.from_numpy(found).long()


@checked
def match_clusters(clusters: Tensor, labels: Tensor) -> Tensor:
    """Return for every row (n,) the class that its cluster is matched with, −1 for a cluster left over.

    Clusters and classes are paired one to one so that as many rows as possible agree. Their numbers
    may differ.

    Raises ValueError when the two do not have the same rows or a label is unknown (−1). Source: Kuhn (1955),
    doi:10.1002/nav.3800020109. Taught in notebook 05.
    """
    from scipy.optimize import linear_sum_assignment

    _check(clusters, labels)
    if (labels == UNLABELLED).any():
        raise ValueError(f"labels hold {UNLABELLED}, the mark of unlabelled rows: score the labelled rows alone")
    groups, group = clusters.unique(return_inverse=True)
    classes, truth = labels.unique(return_inverse=True)
    counts = torch.zeros(len(groups), len(classes), dtype=torch.long)
    counts.index_put_((group, truth), torch.ones_like(group), accumulate=True)
    matched = torch.full((len(groups),), UNMATCHED)
    rows, columns = map(torch.from_numpy, linear_sum_assignment(counts.numpy(), maximize=True))
    matched[rows] = classes[columns].long()
    return matched[group]


@checked
def matched_accuracy(clusters: Tensor, labels: Tensor) -> float:
    """Return the share of rows, between 0 and 1, whose cluster is matched with their class.

    `clusters` and `labels` are integers (n,); see `match_clusters`. Raises ValueError when they do
    not have the same rows or a label is unknown (−1). Source: Yang et al. (2010),
    doi:10.1109/TIP.2010.2049235. Taught in notebook 05.
    """
    return (match_clusters(clusters, labels) == labels).float().mean().item()


@checked
def nmi(clusters: Tensor, labels: Tensor) -> float:
    """Return the normalised mutual information of two groupings (n,): 0 unrelated, 1 the same groups.

    Mutual information over the mean of the two entropies. Raises ValueError when they do not have
    the same rows. Source: Vinh et al. (2010), JMLR 11, 2837–2854; scikit-learn. Taught in notebook 05.
    """
    from sklearn.metrics import normalized_mutual_info_score

    _check(clusters, labels)
    return float(normalized_mutual_info_score(labels.numpy(), clusters.numpy()))


@checked
def stability(groupings: Sequence[Tensor]) -> float:
    """Return how well groupings (n,) of the same rows agree: the mean adjusted Rand index over all pairs.

    1 when all are the same up to the names of the groups, about 0 when they are unrelated. Needs no
    label, so it may choose a setting.

    Raises ValueError for fewer than two groupings or different rows. Source: von Luxburg (2010),
    arXiv:1007.1075; Hubert & Arabie (1985), doi:10.1007/BF01908075. Taught in notebook 05.
    """
    from sklearn.metrics import adjusted_rand_score

    if len(groupings) < 2:
        raise ValueError(f"agreement needs at least 2 groupings, got {len(groupings)}")
    for other in groupings[1:]:
        _check(groupings[0], other)
    return fmean(adjusted_rand_score(a.numpy(), b.numpy()) for a, b in combinations(groupings, 2))


def _check(a: Tensor, b: Tensor) -> None:
    for grouping in (a, b):
        check_dense(grouping, "a grouping")
        if grouping.ndim != 1 or grouping.is_floating_point() or not len(grouping):
            raise ValueError(f"a grouping is an integer tensor (n,) with a number for every row, got {found(grouping)}")
    if len(a) != len(b):
        raise ValueError(f"the groupings have {len(a)} and {len(b)} rows: they must group the same rows")
