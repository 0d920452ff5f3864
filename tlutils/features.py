"""Frozen features, computed once, and the simplest model on top of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from numpy import ndarray
from torch import Tensor, nn

from tlutils.cache import cached_rows, joined
from tlutils.domains import UNLABELLED, Domain, Rows
from tlutils.fingerprint import fingerprint, network_parts
from tlutils.inputs import checked
from tlutils.session import watched_by_a_person
from tlutils.tensors import check_class_numbers, check_floats
from tlutils.text_blocks import ahead, check_rows, text_blocks
from tlutils.texts import TextEncoder, check_texts
from tlutils.train import evaluation_mode
from tlutils.trainable import working

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

VERSION = "features 1"  # part of every key: raise it when features of the same encoder and rows come out different
TOLERANCE = 0.01  # pixels may leave [0, 1] by this much, as they do after some ways of resizing
BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")  # x86, then ARM


@checked
def extract_features(
    encoder: nn.Module, x: Rows, *, batch_size: int = 256, cache: bool = True, allow_bfloat16: bool = False
) -> Tensor:
    """Return the features (n, dim), float32, of images x (n, c, h, w) in [0, 1] or of n texts, from one pass.

    Features of a frozen encoder (no parameter requires a gradient) are kept in the folder `features` of
    $TLUTILS_CACHE, or of the user's cache, under a hash of weights, code, inputs and precision: the same call later,
    or in another process, reads them, and after a kill it goes on where it was. Features of an encoder in
    training are not kept, since its next step would make them useless; `cache=False` never keeps any.
    `allow_bfloat16` computes in bfloat16 where the hardware does so natively: about three digits for up to four
    times the speed.

    Texts need a `TextEncoder`, which cuts what is too long for it. They are computed in batches of about equal length,
    at most `batch_size` of them and about 2,000 tokens (on a GPU 30,000), and come back in the order given.

    Raises ValueError when x is not a float tensor of images in [0, 1] with the encoder's channels or not a list of
    strings that say something, naming the row, or the encoder breaks on them, does not return a row for each, or one
    that is not finite. Taught in notebooks 06 and 12.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    device, dtype = _place(encoder)
    bfloat16 = allow_bfloat16 and dtype == torch.float32 and computes_bfloat16(device)
    # The faster layout for convolutions, and exact.
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs leave memory_format out
    given: Any = x  # images or texts: the encoder says which
    blocks: Callable[[int], Generator[Tensor]]
    if isinstance(encoder, TextEncoder):
        check_texts(given)
        blocks, parts = partial(text_blocks, encoder, given, batch_size, device), given
    else:
        check_images(encoder, given)
        given = given.detach()
        blocks, parts = partial(_image_blocks, encoder, given, batch_size, device, dtype), [given]

    def compute(first: int) -> Iterator[ndarray]:
        from tqdm.auto import tqdm

        bar = tqdm(total=len(x), initial=first, unit="row", disable=not watched_by_a_person(), leave=False)
        with bar, closing(blocks(first)) as computed:
            while True:
                with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                    features = next(computed, None)
                if features is None:
                    return
                features = features.float().cpu()
                if not torch.isfinite(features).all():
                    row = bar.n + (~torch.isfinite(features)).any(1).nonzero()[0].item()
                    raise ValueError(f"the encoder gives NaN or infinite features for row {row}: look at its weights")
                yield features.numpy()
                bar.update(len(features))

    with evaluation_mode(encoder):
        if not cache or any(p.requires_grad for p in encoder.parameters()):
            return torch.from_numpy(joined(len(x), compute(0)))
        precision = f"{torch.bfloat16 if bfloat16 else dtype} on {device.type}"
        return cached_rows(fingerprint([VERSION, precision, *network_parts(encoder), *parts]), len(x), compute)


def _image_blocks(
    encoder: nn.Module, x: Tensor, batch_size: int, device: torch.device, dtype: torch.dtype, first: int
) -> Generator[Tensor]:
    """Yield the features of images from number `first` on, a batch at a time."""

    def prepare(first: int) -> Tensor:
        batch = x[first : first + batch_size].to(dtype, memory_format=torch.channels_last)
        return batch.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else batch.to(device)

    with closing(ahead(prepare, range(first, len(x), batch_size))) as batches:
        for batch in batches:
            with working("the encoder", encoder, batch):
                features = encoder(batch)
            check_rows(features, len(batch), "images")
            yield features


@checked
def check_images(encoder: nn.Module, x: Tensor) -> None:
    """Raise ValueError when x is not a float tensor (n, c, h, w) in [0, 1] with the encoder's channels."""
    channels = getattr(encoder, "channels", "c")
    wrong = x.ndim != 4 or not x.is_floating_point() or x.numel() == 0
    if wrong or x.shape[1] != getattr(encoder, "channels", x.shape[1]):
        found = f"{x.dtype} {tuple(x.shape)}"
        raise ValueError(f"images must be a float tensor (n, {channels}, h, w) in [0, 1], got {found}")
    low, high = (bound.item() for bound in x.detach().aminmax())
    if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):  # NaN fails every comparison
        if low != low:
            fix = "find the rows with NaN and remove them"
        elif 0 <= low and high <= 255:
            fix = "divide by 255"
        else:
            fix = "pass plain pixels; normalising is the encoder's own business"
        raise ValueError(f"images must have values in [0, 1], got {low:.3g} to {high:.3g}: {fix}")


@checked
def computes_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 natively, and so faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False  # other devices are not known; older versions of torch cannot tell
    return any(torch.cpu.get_capabilities().get(flag) for flag in BFLOAT16_FLAGS)


def _place(encoder: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Return the device and the dtype of the encoder's weights."""
    for tensor in [*encoder.parameters(), *encoder.buffers()]:
        if tensor.is_floating_point():
            return tensor.device, tensor.dtype
    return torch.device("cpu"), torch.float32


@checked
def linear_probe(features: Tensor, labels: Tensor, *, weights: Tensor | None = None, regularisation: float = 1.0):
    """Return a scikit-learn pipeline, fitted: standardised features (n, d), then multinomial logistic regression.

    `weights` (n,) says how much each row counts; `regularisation` is the inverse strength C.

    Raises ValueError when features are no finite float table or too large for a variance, features and labels differ in
    number, a label is unknown (−1), only one class is present, or weights or C are not positive. Source: Alain & Bengio
    (2017), arXiv:1610.01644. Taught in notebook 00.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    check_floats(features, "features", "(n, d)")
    if len(features) != (n := labels.numel()):
        raise ValueError(f"{len(features)} rows of features but {n} labels")
    if (labels == UNLABELLED).any():
        raise ValueError(f"labels hold {UNLABELLED}, the mark of unlabelled rows: probe domain.labelled_part() instead")
    check_class_numbers(labels, "labels")
    if len(labels.unique()) < 2:
        raise ValueError("a probe needs examples of at least two classes")
    if weights is not None and (weights.shape != (n,) or not (weights >= 0).all() or not 0 < weights.sum() < math.inf):
        raise ValueError(f"weights must be ({n},), numbers from 0 that are not all 0, got {weights!r:.80}")
    if not 0 < regularisation < math.inf:
        raise ValueError(f"regularisation must be positive and finite, got {regularisation}")
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=regularisation, max_iter=1000))
    # Matrices this small cost more to share out than to multiply.
    with threadpool_limits(1), working("the probe", probe, features):
        return probe.fit(_numbers(features), labels.cpu(), logisticregression__sample_weight=_numbers(weights))


@checked
def probe_scores(train: Domain, test: Domain, labels: Sequence[int], seed: int) -> dict[int, float]:
    """Return the accuracy on `test` of a linear probe that learns from so many labels per class of `train`.

    Both hold features (n, d). Raises ValueError when a class has fewer examples, one of them has no labels, and as
    `linear_probe` does. Taught in notebook 01.
    """
    if train.has_values or test.has_values:
        raise ValueError(f"{train.name} and {test.name} must have classes, not values: a probe names classes")
    test, scores = test.labelled_part(), {}
    for n in labels:
        few = train.few(n, seed)
        probe = linear_probe(few.x, few.y)
        with working("the probe", probe, test.x):
            scores[n] = probe.score(_numbers(test.x), test.y)
    return scores


def _numbers(x: Tensor | None) -> Tensor | None:
    """Return x as scikit-learn reads it: it knows neither gradients nor bfloat16, and rounds float16."""
    return x if x is None else x.detach().cpu().to(torch.promote_types(x.dtype, torch.float32))


@checked
def as_linear_layer(
    regression: LogisticRegression, mean: ndarray | Tensor, scale: ndarray | Tensor
) -> tuple[Tensor, Tensor]:
    """Return weight (k, d) and bias (k,), float64, that do on plain rows what a fitted regression does on scaled ones.

    `mean` and `scale` (d,) are what its rows were scaled by. Of two classes scikit-learn keeps the difference alone:
    here each has a row. Raises TypeError for one that is not fitted, ValueError for another width or a scale that is
    not positive.
    """
    if not hasattr(regression, "coef_"):
        raise TypeError(f"regression must be a fitted LogisticRegression, got {type(regression).__name__}")
    for given in (mean, scale):
        if isinstance(given, ndarray) and given.dtype.kind != "f":
            raise TypeError(f"mean and scale must be arrays of numbers, got {given!r:.60}")
    mean, scale = (torch.as_tensor(given).double() for given in (mean, scale))
    width = regression.coef_.shape[1]
    if mean.shape != (width,) or not mean.isfinite().all():
        raise ValueError(f"mean must be finite ({width},), got {mean!r:.80}")
    if scale.shape not in ((width,), (1,)) or not (scale > 0).all():
        raise ValueError(f"scale must be positive ({width},), got {scale!r:.80}")
    weight, bias = (torch.from_numpy(part).double() for part in (regression.coef_, regression.intercept_))
    if len(weight) == 1:
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    weight = weight / scale
    return weight, bias - weight @ mean
