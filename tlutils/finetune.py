"""Fine-tuning: which of a model's weights may change, how fast, and how far from where they started."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from tlutils.domains import Domain
from tlutils.inputs import checked
from tlutils.nets import Classifier
from tlutils.train import fit
from tlutils.trainable import FASTEST

if TYPE_CHECKING:
    from peft import LoraModel

_BatchNorm = nn.modules.batchnorm._BatchNorm


@checked
def freeze(module: nn.Module) -> None:
    """Keep a module as it is while a model is trained: its weights, and its BatchNorm statistics too.

    `unfreeze` takes it back. Taught in notebooks 06 and 07.
    """
    _thaw(module)
    for layer in module.requires_grad_(False).modules():
        # `fit` knows a frozen BatchNorm by its weight; one without weights must look after itself.
        if isinstance(layer, _BatchNorm) and not layer.affine:
            layer.register_forward_pre_hook(_evaluate)


@checked
def unfreeze(model: Classifier, depth: int) -> None:
    """Make the head and the last `depth` blocks of the encoder trainable, and freeze the rest.

    0 trains the head alone, the number of blocks trains everything. Raises ValueError for another
    depth or an encoder that does not name its `blocks`. Source: Yosinski et al. (2014),
    arXiv:1411.1792. Taught in notebook 07.
    """
    blocks = _blocks(model)
    if not 0 <= depth <= len(blocks):
        name = type(model.encoder).__name__
        raise ValueError(f"depth must be a whole number from 0 to {len(blocks)}, the blocks of {name}; got {depth}")
    freeze(model)
    for part in (model.head, *blocks[len(blocks) - depth :]):
        _thaw(part)


@checked
def fit_gradually(model: Classifier, domain: Domain, **settings: Any) -> list[dict[str, float]]:
    """Train `model` in place in stages: the head alone, then with one more block each, last block first.

    `settings` go to `fit` at every stage, so `epochs` and `steps` count for one stage. Returns the
    histories of all stages in one list.

    Raises ValueError for an optimizer, which could not follow the stages, and as `fit` and `unfreeze` do.
    Source: Howard & Ruder (2018), section 3.3, arXiv:1801.06146. Taught in notebook 07.
    """
    if "optimizer" in settings:
        raise ValueError("every stage trains other weights and needs its own optimizer: pass lr=… instead")
    history = []
    for depth in range(len(_blocks(model)) + 1):
        unfreeze(model, depth)
        history += fit(model, domain, **settings)
    return history


@checked
def layerwise_rates(model: Classifier, lr: float, decay: float) -> list[dict[str, Any]]:
    """Return parameter groups for an optimizer: the head learns at `lr`, each block before it `decay` times as fast.

    The last block has lr·decay, the one before lr·decay², and so on; frozen weights are left out.
    Raises ValueError for an lr that is not positive or beyond 1e30, a decay outside (0, 1], or trainable weights that
    lie in no block. Source: Howard & Ruder (2018), section 3.2, arXiv:1801.06146. Taught in notebook 07.
    """
    if not 0 < lr <= FASTEST:
        raise ValueError(f"lr must be positive, got {lr} (at most {FASTEST:g})")
    if not 0 < decay <= 1:
        raise ValueError(f"decay must lie above 0 and at most at 1 (one rate for all), got {decay}")
    parts = (model.head, *reversed(_blocks(model)))
    groups: list[dict[str, Any]] = [{"params": _trainable(part), "lr": lr * decay**k} for k, part in enumerate(parts)]
    missing = len(_trainable(model)) - sum(len(group["params"]) for group in groups)
    if missing:
        raise ValueError(f"{missing} trainable tensors lie in no block or in two: each needs exactly one rate")
    groups = [group for group in groups if group["params"]]
    if not groups:
        raise ValueError("the model is frozen: unfreeze what shall learn before asking for its rates")
    return groups


class L2SP:
    """Penalty α/2 · ‖w − w₀‖² + β/2 · ‖v‖²: encoder weights w stay near their starting point w₀, head weights v near 0.

    The starting point is the encoder as it is when this object is made. Calling the object returns the
    scalar, for `fit(…, regulariser=L2SP(model, alpha, beta))`. All parameters count, the scales and
    shifts of BatchNorm and the biases among them; its running statistics do not. What overflows comes
    back infinite, and stops `fit`.

    Raises ValueError for a negative α or β, or an encoder without weights. Source: Li et al. (2018), equation 3,
    arXiv:1802.01483. Taught in notebook 07.
    """

    @checked
    def __init__(self, model: Classifier, alpha: float, beta: float) -> None:
        for name, value in {"alpha": alpha, "beta": beta}.items():
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be 0 or a positive number, got {value}")
        self.alpha, self.beta = alpha, beta
        self.encoder, self.head = list(model.encoder.parameters()), list(model.head.parameters())
        if not self.encoder:
            raise ValueError(f"{type(model.encoder).__name__} has no weights to keep near a starting point")
        self.start = _flat(self.encoder).detach().clone()

    def __call__(self) -> Tensor:
        weights = _flat(self.encoder)
        self.start = self.start.to(weights.device)  # `fit` may have moved the model since
        drift = (weights - self.start).square().sum()
        return self.alpha / 2 * drift + self.beta / 2 * _flat(self.head).square().sum()


@checked
def add_lora(model: Classifier, rank: int) -> LoraModel:
    """Freeze the encoder and add a trainable product of rank `rank` to each of its convolutions and linear layers.

    W becomes W + B·A with B = 0 at first, so that the model starts unchanged; A, B and the head are
    trained. It costs rank · (inputs + outputs) weights a layer, where each of the k² places of a
    convolution's kernel counts its inputs. Changes `model` in place and returns peft's handle:
    `handle.merge_and_unload()` adds the products to the weights and puts the plain layers back.

    Raises ValueError for a rank below 1 or beyond the widest layer, an encoder without such layers, or one that has
    LoRA already. Source: Hu et al. (2021), equation 3, arXiv:2106.09685. Taught in notebook 07.
    """
    from peft import LoraConfig, LoraModel

    if rank < 1:
        raise ValueError(f"rank must be a whole number of at least 1, got {rank}")
    if any("lora_" in name for name, _ in model.encoder.named_parameters()):
        raise ValueError("the encoder has LoRA already: merge it first, with merge_and_unload() of its handle")
    layers = {name: layer for name, layer in model.encoder.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)}
    if not any(layers):  # none, or the encoder itself, which peft cannot replace
        raise ValueError(f"{type(model.encoder).__name__} has no convolution or linear layer to add LoRA to")
    if rank > (most := max(max(len(layer.weight), layer.weight[0].numel()) for layer in layers.values())):
        raise ValueError(f"rank must be at most {most}, what the widest layer has of inputs or outputs, got {rank}")
    freeze(model.encoder)
    _thaw(model.head)
    exactly = "|".join(re.escape(name) for name in layers)  # a list would match by the ends of names
    return LoraModel(model.encoder, LoraConfig(r=rank, lora_alpha=rank, target_modules=exactly), "default")


def _blocks(model: Classifier) -> tuple[nn.Module, ...]:
    blocks = getattr(model.encoder, "blocks", None)
    if blocks is None:
        name = type(model.encoder).__name__
        raise ValueError(f"{name} does not say what its blocks are: give it `blocks`, its parts in depth order")
    return tuple(blocks)


def _thaw(module: nn.Module) -> None:
    for layer in module.requires_grad_(True).modules():
        for key, hook in list(layer._forward_pre_hooks.items()):
            if hook is _evaluate:
                del layer._forward_pre_hooks[key]


def _evaluate(layer: nn.Module, inputs: tuple) -> None:
    layer.eval()


def _trainable(module: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def _flat(parameters: list[nn.Parameter]) -> Tensor:
    return torch.cat([parameter.flatten() for parameter in parameters])
