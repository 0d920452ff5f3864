"""What did the network look at: maps over images by Grad-CAM and by occlusion; the words of a text."""

from __future__ import annotations

import re
import warnings

import torch
from torch import Tensor, nn

from tlutils.inputs import checked
from tlutils.loop import evaluation_mode
from tlutils.nets import Classifier
from tlutils.tensors import check_class_numbers, check_count, check_floats, device_of, finite
from tlutils.texts import TransformerEncoder, check_texts
from tlutils.trainable import working

BROKEN = "look at the images and the model's weights, which are extreme"


@checked
def grad_cam(model: nn.Module, x: Tensor, layer: nn.Module, classes: Tensor, *, batch_size: int = 64) -> Tensor:
    """Return for each image the places that spoke for its class: maps (n, h, w), the strongest place at 1.

    Images x (n, 3, h, w), class numbers `classes` (n,): the predictions, or the labels. `layer` is a
    convolutional part of the model, usually the last (`model.encoder.layer3`, `model.layer4`): its
    channels are weighted by their mean gradient, summed, cut at 0 and resized to the image. A map is
    0 everywhere when nothing in it spoke for the class. Model, gradients and mode stay as they were.
    It shows what moved this score; it does not show that the reason is a good one.

    Raises ValueError when x and classes differ in number, the model has no such class, or the layer
    is not a part of the model that puts out images. Source: Selvaraju et al. (2017), arXiv:1610.02391;
    computed by Captum. Taught in notebooks 10 and 18.
    """
    from captum.attr import LayerAttribution, LayerGradCam

    if not any(module is layer for module in model.modules()):
        raise ValueError("the layer is not a part of this model: name it by its path, model.encoder.layer3 say")
    classes = _checked_classes(model, x, classes, batch_size)
    device = device_of(model)
    maps = []
    with torch.enable_grad(), evaluation_mode(model), working("the model", model, x):
        for images, wanted in zip(x.split(batch_size), classes.split(batch_size), strict=True):
            # The gradient starts at the pixels, so that it also reaches a layer whose weights are frozen.
            images = images.detach().to(device).requires_grad_()
            heat = LayerGradCam(model, layer).attribute(images, wanted.to(device), relu_attributions=True)
            if (sides := getattr(heat, "ndim", 0)) != 4:
                raise ValueError(f"the layer must put out images (n, c, h, w), its output has {sides} dimensions")
            heat = LayerAttribution.interpolate(heat, tuple(x.shape[2:]), interpolate_mode="bilinear")
            maps.append(heat[:, 0].detach().cpu())
    heat = finite(torch.cat(maps), BROKEN)
    return heat / heat.amax((1, 2), keepdim=True).clamp(min=torch.finfo(heat.dtype).tiny)


@checked
def occlusion(
    model: nn.Module,
    x: Tensor,
    classes: Tensor,
    *,
    window: int,
    fill: float | None = None,
    batch_size: int = 256,
) -> Tensor:
    """Return for each image how far the log-odds of its class fall when a place is covered: maps (n, h, w).

    Images x (n, c, h, w), class numbers `classes` (n,). Squares of `window` pixels, side by side from the top
    left, are painted one at a time with `fill`, or else with the image's mean colour; every pixel holds the
    loss of its square. Negative where covering helps the class. It finds what one square decides alone:
    evidence that two squares hold in common falls with neither. Model and mode stay as they were.

    Raises ValueError when x and classes do not fit each other or the model, or the window is larger than
    the image. Source: Zeiler and Fergus (2014), arXiv:1311.2901, section 4.2; computed by Captum.
    Taught in notebook 18.
    """
    from captum.attr import Occlusion

    classes = _checked_classes(model, x, classes, batch_size)
    n, c, h, w = x.shape
    if not 1 <= window <= min(h, w):
        raise ValueError(f"window must lie between 1 and the side {min(h, w)} of the image, got {window}")
    device = device_of(model)
    covered = covered_with(x, fill)
    squares = -(-h // window) * -(-w // window)
    per_pass = min(squares, max(1, batch_size // n))
    maps = []
    parts = (part.split(batch_size) for part in (x, classes, covered))
    with torch.no_grad(), evaluation_mode(model), working("the model", model, x):
        drop = Occlusion(lambda images, wanted: _log_odds(model(images), wanted))
        for images, wanted, cover in zip(*parts, strict=True):
            heat = drop.attribute(
                images.to(device),
                sliding_window_shapes=(c, window, window),
                strides=(c, window, window),
                baselines=cover.to(device),
                additional_forward_args=(wanted.to(device),),
                perturbations_per_eval=per_pass,
            )
            maps.append(heat[:, 0].cpu())
    return finite(torch.cat(maps), BROKEN)


@checked
def guided_backprop(model: nn.Module, x: Tensor, classes: Tensor) -> Tensor:
    """Return how strongly each pixel moves the class score along paths that only add to it: maps (n, h, w) ≥ 0.

    Images x (n, c, h, w), class numbers `classes` (n,). The gradient of the score, its negative values cut off
    at every ReLU on the way back; sizes, summed over the channels. The network's ReLUs must be
    layers of it (`nn.ReLU`), each used once. Known to draw much the same
    for a network of noise: here to be compared with.

    Raises ValueError when x and classes do not fit each other or the model, or the network has no such layer.
    Source: Springenberg et al. (2015), arXiv:1412.6806; computed by Captum. Taught in notebook 18.
    """
    from captum.attr import GuidedBackprop

    classes = _checked_classes(model, x, classes)
    if not any(isinstance(module, nn.ReLU) for module in model.modules()):
        raise ValueError("the network has no nn.ReLU layers, which guided backpropagation works at")
    device = device_of(model)
    with torch.enable_grad(), evaluation_mode(model), warnings.catch_warnings(), working("the model", model, x):
        warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU")
        heat = GuidedBackprop(model).attribute(x.detach().clone().to(device).requires_grad_(), classes.to(device))
    return finite(heat.detach().abs().sum(1).cpu(), BROKEN)


@checked
def log_odds(logits: Tensor, classes: Tensor) -> Tensor:
    """Return the log-odds (n,) of each row's class against all others together, from logits (n, k).

    Raises ValueError when rows and classes do not fit, or values are not finite or far apart. Taught in notebook 12.
    """
    check_floats(logits, "logits", "(n, k)")
    check_class_numbers(classes, "classes", rows=len(logits), classes=logits.shape[1])
    if logits.shape[1] < 2:
        raise ValueError("log-odds are of one class against others, and there is one class only")
    return finite(_log_odds(logits, classes.long()), BROKEN)


def _log_odds(logits: Tensor, classes: Tensor) -> Tensor:
    wanted = classes[:, None]
    others = logits.scatter(1, wanted, -torch.inf).logsumexp(1)
    return logits.gather(1, wanted)[:, 0] - others


@checked
def covered_with(x: Tensor, fill: float | None) -> Tensor:
    """Return images (n, c, h, w) of nothing but `fill`, or of each image's own mean colour where it is None.

    Raises ValueError for what are no finite images, or a `fill` that they cannot hold. Taught in notebook 18.
    """
    check_floats(x, "images", "(n, c, h, w)")
    if fill is None:
        return finite(x.mean((2, 3), keepdim=True), BROKEN).expand_as(x)
    if not abs(fill) <= torch.finfo(x.dtype).max:
        raise ValueError(f"fill must be a number that {x.dtype} can hold, got {fill}")
    return torch.full_like(x, fill)


def _checked_classes(model: nn.Module, x: Tensor, classes: Tensor, batch_size: int = 1) -> Tensor:
    """Return the classes as int64. Raises ValueError unless x are images (n, c, h, w) of classes the model knows."""
    check_count("batch_size", batch_size)
    check_floats(x, "images", "(n, c, h, w)")
    with torch.no_grad(), evaluation_mode(model), working("the model", model, x):
        logits = model(x[:1].to(device_of(model)))
    if not isinstance(logits, Tensor) or logits.ndim != 2 or logits.shape[1] < 2:
        raise ValueError(f"the model must give scores (n, k) of two or more classes, it gave {logits!r:.80}")
    check_class_numbers(classes, "classes", rows=len(x), classes=logits.shape[1])
    return classes.long()


@checked
def overlay(images: Tensor, maps: Tensor, *, strength: float = 0.6) -> Tensor:
    """Return images (n, 3, h, w) in [0, 1] with their maps (n, h, w) laid over: brighter and yellower where it is 1.

    Grey images (n, 1, h, w) come back in colour. The images keep their own look where the map is 0.

    Raises ValueError when images and maps do not fit, or strength leaves [0, 1]. Taught in notebooks 10 and 18.
    """
    from matplotlib import colormaps

    check_floats(images, "images", "(n, c, h, w)")
    check_floats(maps, "maps", "(n, h, w)")
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must lie between 0 and 1, got {strength}")
    if images.shape[1] not in (1, 3) or maps.shape != (len(images), *images.shape[2:]):
        raise ValueError(f"need a map for each image, of its size, got {tuple(images.shape)} and {tuple(maps.shape)}")
    maps = maps.detach().to(torch.promote_types(maps.dtype, torch.float32))  # NumPy knows no bfloat16
    colours = torch.from_numpy(colormaps["plasma"](maps.numpy())[..., :3]).permute(0, 3, 1, 2).to(images.dtype)
    share = strength * maps[:, None]
    return finite((1 - share) * images + share * colours, BROKEN)


@checked
def word_contributions(
    model: Classifier, text: str, number: int, *, steps: int = 50
) -> tuple[list[str], Tensor, float]:
    """Return a text's words, what each adds to the log-odds of class `number`, (m,), and where the sum begins.

    Integrated gradients along the straight line from an empty text, every token replaced by padding,
    to this one: the contributions and the beginning, the log-odds of the empty text, sum to
    the log-odds of the text, but for the error of `steps` steps. Words are what white space separates;
    what the encoder cuts off is left out. A contribution holds for this text, this model and this
    beginning; a word that adds nothing here may still matter for what others add.

    Raises ValueError when the encoder is no transformer, the model has no such class, or the steps are so
    few that the sum misses by more than a twentieth. Source: Sundararajan et al. (2017), arXiv:1703.01365;
    computed by Captum. Taught in notebook 12.
    """
    from captum.attr import LayerIntegratedGradients

    check_texts([text])
    encoder = getattr(model, "encoder", None)
    if not isinstance(encoder, TransformerEncoder):
        raise ValueError(f"need a Classifier on text_encoder('minilm') or its like, got {type(model).__name__}")
    check_count("steps", steps)
    device = device_of(model)
    read = encoder.tokenizer.encode(text)
    ids = torch.tensor([read.ids], device=device)
    special = torch.tensor([read.special_tokens_mask], device=device).bool()
    empty = ids.where(special, torch.tensor(encoder.padding))

    def score(ids: Tensor) -> Tensor:
        logits = model.head(encoder.pooled(ids, torch.ones_like(ids)))
        if not 0 <= number < logits.shape[1]:
            raise ValueError(f"class {number} is not within 0 … {logits.shape[1] - 1}")
        return _log_odds(logits, torch.full((len(logits),), number, device=device))

    with torch.enable_grad(), evaluation_mode(model):
        gradients = LayerIntegratedGradients(score, encoder.network.get_input_embeddings())
        with torch.no_grad():
            end, beginning = score(ids).item(), score(empty).item()
        batch = max(1, 4096 // ids.shape[1])
        tokens = gradients.attribute(ids, empty, n_steps=steps, internal_batch_size=batch).sum(2)[0].detach().cpu()
    error = abs(tokens.sum().item() - (end - beginning))
    if error > 0.05 * max(1.0, tokens.abs().sum().item()):
        raise ValueError(f"with {steps} steps the contributions miss their sum by {error:.2g}: take more steps")
    return *_by_word(text, read.offsets, tokens), beginning


def _by_word(text: str, offsets: list[tuple[int, int]], tokens: Tensor) -> tuple[list[str], Tensor]:
    """Return the words of a text as far as it was read, and the sums of their tokens' values."""
    read = max(end for _, end in offsets)
    spans = [match.span() for match in re.finditer(r"\S+", text) if match.start() < read]
    values = torch.zeros(len(spans))
    for (start, end), value in zip(offsets, tokens, strict=True):
        for word, (first, last) in enumerate(spans):
            if first <= start < last and end > start:
                values[word] += value
    return [text[first:last] for first, last in spans], values
