"""Teaching one encoder what another one says: distillation, across languages in notebook 13."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlutils.batches import Batches
from tlutils.domains import Domain
from tlutils.inputs import checked
from tlutils.loop import Terms, minimise
from tlutils.parallel import forward
from tlutils.tensors import check_floats, finite
from tlutils.texts import check_texts
from tlutils.trainable import check_settings


@checked
def distill(
    student: nn.Module,
    texts: Sequence[str],
    embeddings: Tensor,
    *,
    epochs: int = 5,
    steps: int | None = None,
    batch_size: int = 256,
    lr: float = 5e-3,
    seed: int = 0,
) -> list[dict[str, float]]:
    """Train `student` in place so that its row for each of n texts comes near `embeddings` (n, dim): mean ‖s(t) − e‖².

    The embeddings are a teacher's, of the same texts or of their translations, so that the student ends up in the
    teacher's space. Between rows of length 1 this is 2 − 2·cosine: squared error and cosine are one aim. Rates
    follow one cycle up to `lr`; `steps` replaces `epochs` (passes over the texts). Returns the mean distance, a dict
    per epoch.

    Raises ValueError for texts and embeddings that do not belong together, a student that does not give such rows or
    has no weights to train, and settings below 1, FloatingPointError when the distance stops being finite. Source:
    Reimers & Gurevych (2020), equation 1, its second term, arXiv:2004.09813. Taught in notebook 13.
    """
    check_settings(lr=lr, epochs=epochs, steps=steps, batch_size=batch_size)
    check_texts(texts)
    _check_embeddings(student, texts, embeddings)
    numbers = tuple(map(str, range(embeddings.shape[1])))  # a regression on as many values as a row has
    stream = Batches(Domain(texts, embeddings.float().cpu(), numbers, "sentences"), batch_size)

    def objective(prepared: list[nn.Module], device: torch.device, progress: float) -> Terms:
        some, wanted = next(stream)
        given = forward(prepared[0], some)
        if not isinstance(given, Tensor) or given.shape != wanted.shape:
            found = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
            raise ValueError(f"the student must give rows {tuple(wanted.shape)}, as the embeddings are, got {found}")
        return {"distance": (given - wanted.to(given)).square().sum(1).mean()}

    per_epoch = max(1, len(texts) // batch_size)
    steps = steps or epochs * per_epoch
    return minimise(objective, [student], streams=[stream], steps=steps, per_epoch=per_epoch, lr=lr, seed=seed)


@checked
def retrieval_accuracy(a: Tensor, b: Tensor) -> float:
    """Return the share of rows of a (n, d) whose nearest row of b (n, d), by cosine, is the one at the same place.

    A guess gives 1/n. A row that two are equally near to is not found, so that equal rows for everything score 0.

    Raises ValueError when a and b are not two finite float tensors of one shape with at least two rows, or too large
    for a length. Source: Reimers & Gurevych (2020), section 4.2, arXiv:2004.09813. Taught in notebook 13.
    """
    for name, rows in (("first", a), ("second", b)):
        check_floats(rows, f"the {name} side", "(n, d)")
        finite(rows.norm(dim=1), f"rows of the {name} side are too long for {rows.dtype}, scale them first")
    if a.shape != b.shape or len(a) < 2:
        raise ValueError(f"two sides have one shape (n, d) with n ≥ 2, got {tuple(a.shape)} and {tuple(b.shape)}")
    scores = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T.to(a.dtype)
    right = scores.diagonal().clone()
    rivals = scores.fill_diagonal_(-torch.inf).amax(1)
    return (right > rivals).float().mean().item()


def _check_embeddings(student: nn.Module, texts: Sequence[str], embeddings: Tensor) -> None:
    dim = getattr(student, "dim", "dim")
    fits = embeddings.is_floating_point() and embeddings.ndim == 2 and 0 not in embeddings.shape
    if not fits or embeddings.shape != (len(texts), getattr(student, "dim", embeddings.shape[1])):
        found = f"{embeddings.dtype} {tuple(embeddings.shape)}"
        raise ValueError(f"embeddings must be a float tensor ({len(texts)}, {dim}), a row for each text, got {found}")
    if not torch.isfinite(embeddings).all():
        raise ValueError("embeddings have NaN or infinite values: look at what the teacher was given")
