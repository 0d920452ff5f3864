"""What did the network look at: Grad-CAM maps, and images with a map laid over them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tlutils.loop import evaluation_mode


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

    if x.ndim != 4 or classes.shape != (len(x),):
        raise ValueError(f"need images (n, c, h, w) and a class for each, got {tuple(x.shape)}, {tuple(classes.shape)}")
    if not any(module is layer for module in model.modules()):
        raise ValueError("the layer is not a part of this model: name it by its path, model.encoder.layer3 say")
    device = next(model.parameters()).device
    maps = []
    with torch.enable_grad(), evaluation_mode(model):
        known = model(x[:1].to(device)).shape[1]
        if classes.min() < 0 or classes.max() >= known:
            raise ValueError(f"classes {classes.min()} to {classes.max()} are not all within 0 … {known - 1}")
        for images, wanted in zip(x.split(batch_size), classes.split(batch_size), strict=True):
            # The gradient starts at the pixels, so that it also reaches a layer whose weights are frozen.
            images = images.detach().to(device).requires_grad_()
            heat = LayerGradCam(model, layer).attribute(images, wanted.to(device), relu_attributions=True)
            if heat.ndim != 4:
                raise ValueError(f"the layer must put out images (n, c, h, w), its output has {heat.ndim} dimensions")
            heat = LayerAttribution.interpolate(heat, tuple(x.shape[2:]), interpolate_mode="bilinear")
            maps.append(heat[:, 0].detach().cpu())
    heat = torch.cat(maps)
    return heat / heat.amax((1, 2), keepdim=True).clamp(min=torch.finfo(heat.dtype).tiny)


def overlay(images: Tensor, maps: Tensor, *, strength: float = 0.6) -> Tensor:
    """Return images (n, 3, h, w) in [0, 1] with their maps (n, h, w) laid over: brighter and yellower where it is 1.

    Grey images (n, 1, h, w) come back in colour. The images keep their own look where the map is 0.

    Raises ValueError when images and maps do not fit. Taught in notebooks 10 and 18.
    """
    from matplotlib import colormaps

    if images.ndim != 4 or maps.shape != (len(images), *images.shape[2:]):
        raise ValueError(f"need a map for each image, of its size, got {tuple(images.shape)} and {tuple(maps.shape)}")
    colours = torch.from_numpy(colormaps["plasma"](maps.numpy())[..., :3]).permute(0, 3, 1, 2).to(images.dtype)
    share = strength * maps[:, None]
    return (1 - share) * images + share * colours
