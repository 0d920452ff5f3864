"""Let `import torchvision` work beside a torch without CUDA.

The stock torchvision wheel is compiled against CUDA. Where its compiled operators cannot load, its
Python code still asks for the schemas of two of them and `import torchvision` fails, and with it
transformers, peft and timm. Defining those two schemas is enough for models and transforms.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import torch

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_library: torch.library.Library | None = None  # the schemas live as long as this object does


def guard_torchvision() -> bool:
    """Define torchvision's missing schemas if its compiled operators cannot load; return whether it did.

    Does not import torchvision. Calling it again, or after torchvision was imported, does nothing.
    """
    global _library
    if _library is not None or "torchvision" in sys.modules or _compiled_operators_load():
        return False
    _library = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS:
        _library.define(schema)
    return True


def _compiled_operators_load() -> bool:
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True  # nothing installed, nothing to mend
    for binary in Path(spec.origin).parent.glob("_C.*"):
        try:
            torch.ops.load_library(binary)
        except OSError:
            continue
        return True
    return False
