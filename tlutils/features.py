"""Frozen features, computed once, and the simplest model on top of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tlutils.domains import UNLABELLED
from tlutils.train import evaluation_mode


def extract_features(encoder: nn.Module, x: Tensor, *, batch_size: int = 256) -> Tensor:
    """Return the features (n, dim), float32, of images x (n, c, h, w) from one pass in evaluation mode.

    Raises ValueError when x is not a float tensor of images with the encoder's channels.
    Taught in notebook 00.
    """
    if not isinstance(x, Tensor) or x.ndim != 4 or not x.is_floating_point() or x.shape[1] != encoder.channels:
        found = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"images must be a float tensor (n, {encoder.channels}, h, w) in [0, 1], got {found}")
    device = next(encoder.parameters()).device
    with torch.inference_mode(), evaluation_mode(encoder):
        parts = [encoder(part.to(device)).float().cpu() for part in x.split(batch_size)]
    return torch.cat(parts)


def linear_probe(features: Tensor, labels: Tensor, *, weights: Tensor | None = None, regularisation: float = 1.0):
    """Return a scikit-learn pipeline, fitted: standardised features (n, d), then multinomial logistic regression.

    `weights` (n,) says how much each row counts; `regularisation` is the inverse strength C.

    Raises ValueError when features and labels differ in number, a label is unknown (−1) or only one
    class is present. Source: Alain & Bengio (2017), arXiv:1610.01644. Taught in notebook 00.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    if len(features) != len(labels):
        raise ValueError(f"{len(features)} rows of features but {len(labels)} labels")
    if (labels == UNLABELLED).any():
        raise ValueError(f"labels hold {UNLABELLED}, the mark of unlabelled rows: probe domain.labelled_part() instead")
    if len(labels.unique()) < 2:
        raise ValueError("a probe needs examples of at least two classes")
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=regularisation, max_iter=1000))
    with threadpool_limits(1):  # matrices this small cost more to share out than to multiply
        return probe.fit(features, labels, logisticregression__sample_weight=weights)
