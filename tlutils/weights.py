"""Weight files: read without running code, loaded only into the network that they fit."""

from __future__ import annotations

import os
import pickle
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tlutils.inputs import checked

SHOWN = 10  # mismatching keys named in an error


@checked
def read_weights(path: str | Path) -> OrderedDict[str, Tensor]:
    """Return the tensors of a .safetensors file, or of a state dict that torch.save wrote, by their names.

    A state dict inside a checkpoint is found under `state_dict`, and DataParallel's `module.` is taken
    off. Nothing but tensors is unpickled. Raises ValueError naming a file that is not such a thing,
    FileNotFoundError for one that is not there.
    """
    path = Path(path)
    if not os.path.isfile(path):  # False, too, for what cannot be a path
        raise FileNotFoundError(f"there is no weight file {path}")
    try:
        content = _read(path)
    except Exception as error:  # damaged files raise nearly anything, from EOFError to KeyError
        reason = str(error).partition("\n")[0] or type(error).__name__
        hint = "it holds more than weights" if isinstance(error, pickle.UnpicklingError) else "damaged or cut short"
        raise ValueError(f"{path} cannot be read as weights ({hint}): {reason:.200}") from error
    state = content.get("state_dict", content) if isinstance(content, dict) else {}
    if not state or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise ValueError(f"{path} holds no state dict of tensors: save a model's state_dict()")
    plain: Any = OrderedDict((key.removeprefix("module."), value) for key, value in state.items())
    if hasattr(state, "_metadata"):  # versions by which layers recognise their older formats
        plain._metadata = {key.removeprefix("module."): value for key, value in state._metadata.items()}
    return plain


@checked
def load_weights(network: nn.Module, weights: Mapping[str, Tensor], origin: object, skip: Sequence[str]) -> None:
    """Load `weights` into a network that has no head; keys that begin with one of `skip` are the head's.

    Raises ValueError naming `origin` and at most ten keys when the weights are another architecture's.
    """
    if not all(isinstance(key, str) and isinstance(value, Tensor) for key, value in weights.items()):
        raise TypeError(f"{origin} holds something else than tensors by their names: pass a state dict")
    heads = tuple(skip)
    kept: Any = OrderedDict((_today(key), value) for key, value in weights.items() if not key.startswith(heads))
    if hasattr(weights, "_metadata"):
        kept._metadata = weights._metadata
    try:
        missing, unexpected = network.load_state_dict(kept, strict=False)
        problems = [f"{key} is missing" for key in missing] + [f"{key} is not known" for key in unexpected]
    except (RuntimeError, ValueError) as error:
        found = re.findall(r"size mismatch for (\S+):.*?shape (.+?) from.*?is (.+?)\.(?:\n|$)", str(error))
        problems = [f"{key} has shape {theirs}, not {ours}" for key, theirs, ours in found] or [str(error)]
    if problems:
        more = f"\n  … and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise ValueError(
            f"{origin} holds the weights of another architecture than {type(network).__name__}, "
            f"as it was asked for:\n  " + "\n  ".join(problems[:SHOWN]) + more
        )


def _read(path: Path) -> object:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _today(key: str) -> str:
    """Return a key as layers are called now: torchvision's DenseNet files still say `norm.1` for `norm1`."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", key)
