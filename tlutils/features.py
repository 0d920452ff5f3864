"""Frozen features, computed once, and the simplest model on top of them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from tlutils.cache import cached_rows, joined
from tlutils.domains import UNLABELLED, Domain, Rows
from tlutils.fingerprint import fingerprint, network_parts
from tlutils.session import watched_by_a_person
from tlutils.text_blocks import ahead, check_rows, text_blocks
from tlutils.texts import TextEncoder, check_texts
from tlutils.train import evaluation_mode

if TYPE_CHECKING:
    from numpy import ndarray
    from sklearn.linear_model import LogisticRegression

VERSION = "features 1"  # part of every key: raise it when features of the same encoder and rows come out different
TOLERANCE = 0.01  # pixels may leave [0, 1] by this much, as they do after some ways of resizing
BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")  # x86, then ARM


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
    strings that say something, naming the row, or the encoder does not return a row for each. Taught in notebooks 06
    and 12.
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
                yield features.float().cpu().numpy()
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
            features = encoder(batch)
            check_rows(features, len(batch), "images")
            yield features


def check_images(encoder: nn.Module, x: Tensor) -> None:
    """Raise ValueError when x is not a float tensor (n, c, h, w) in [0, 1] with the encoder's channels."""
    channels = getattr(encoder, "channels", "c")
    wrong = not isinstance(x, Tensor) or x.ndim != 4 or not x.is_floating_point() or len(x) == 0
    if wrong or x.shape[1] != getattr(encoder, "channels", x.shape[1]):
        found = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
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


def probe_scores(train: Domain, test: Domain, labels: Sequence[int], seed: int) -> dict[int, float]:
    """Return the accuracy on `test` of a linear probe that learns from so many labels per class of `train`.

    Both hold features (n, d). Raises ValueError when a class has fewer examples. Taught in notebook 01.
    """
    scores = {}
    for n in labels:
        few = train.few(n, seed)
        scores[n] = linear_probe(few.x, few.y).score(test.x, test.y)
    return scores


def as_linear_layer(
    regression: LogisticRegression, mean: ndarray | Tensor, scale: ndarray | Tensor
) -> tuple[Tensor, Tensor]:
    """Return weight (k, d) and bias (k,), float64, that do on plain rows what a fitted regression does on scaled ones.

    `mean` and `scale` (d,) are what its rows were scaled by. Of two classes scikit-learn keeps the difference alone:
    here each has a row.
    """
    weight, bias = (torch.from_numpy(part).double() for part in (regression.coef_, regression.intercept_))
    if len(weight) == 1:
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    weight = weight / torch.as_tensor(scale)
    return weight, bias - weight @ torch.as_tensor(mean, dtype=torch.float64)
