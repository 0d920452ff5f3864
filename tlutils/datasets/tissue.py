"""Tissue patches from one slide, as two laboratories would stain it.

The slide ships with scikit-image: bowel tissue whose cell membranes carry a brown marker (DAB) on a
blue counterstain (haematoxylin).
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import Tensor

from tlutils.domains import Domain
from tlutils.errors import unknown
from tlutils.inputs import checked

CLASSES = ("low", "high")  # amount of brown stain
LOW, HIGH = 0.055, 0.080  # mean of scikit-image's DAB channel over a patch; patches between are left out
SIDE = 32

# Site B. Rows are the colours of haematoxylin, eosin and marker as absorbances of red, green, blue,
# each as long as the slide's own, so that only amounts say how dark a stain is.
STAINS_B = ((0.55, 0.78, 0.30), (0.07, 0.99, 0.11), (0.32, 0.64, 0.70))
AMOUNTS_B = (1.5, 1.0, 0.6)  # more counterstain, less marker than at site A
TINT_B = (0.97, 0.92, 0.95)  # the scanner's white, as red, green, blue
BLUR_B = 0.8  # the scanner's focus, standard deviation in pixels


@checked
def site(name: str, part: str = "train", per_class: int = 200, seed: int = 0) -> Domain:
    """Return `per_class` patches (n, 3, 32, 32), RGB in [0, 1], with little and with much of the brown stain.

    Site `A` is the slide as it is. Site `B` is a stand-in for a second laboratory: the slide's stains
    are separated, given other colours and amounts, and put together again under a scanner's tint and
    blur. The label comes from the original's amount of brown, averaged over the patch; patches near
    the border between the classes are left out. `train` is cut from the left half of the slide,
    `test` from the right, so that they share no pixel; patches of one part may overlap. The same
    part and seed cut the same places at both sites: what differs is the staining alone.

    What it is not: two hospitals, several patients, or a diagnosis. There is one slide of one person,
    the label is a measure of colour and not of illness, and intervals over patches say nothing
    about other people.

    Raises ValueError for an unknown site or part, or more patches than the half has places.
    Source: scikit-image's immunohistochemistry slide (Human Protein Atlas); Ruifrok & Johnston
    (2001) for the separation of stains. Taught in notebook 11.
    """
    if name not in ("A", "B"):
        raise unknown("site", name, ("A", "B"))
    if part not in ("train", "test"):
        raise unknown("part", part, ("train", "test"))
    amount = np.lib.stride_tricks.sliding_window_view(_half(_brown(), part), (SIDE, SIDE)).mean((2, 3))
    rng = np.random.default_rng((seed, part == "test"))
    corners = np.concatenate([_draw(amount < LOW, per_class, rng), _draw(amount > HIGH, per_class, rng)])
    picture = _half(_slide() if name == "A" else _slide_b(), part)
    patches = np.stack([picture[top : top + SIDE, left : left + SIDE] for top, left in corners])
    x = torch.from_numpy(patches).permute(0, 3, 1, 2).float().contiguous()
    return Domain(x, torch.arange(2).repeat_interleave(per_class), CLASSES, f"tissue, site {name}, {part}")


@checked
def normalise_stain(domain: Domain, reference: Domain) -> Domain:
    """Return a domain of RGB images (n, 3, h, w) with the colours of a reference: means and spreads are matched.

    Each channel of the perceptual space CIELAB is shifted and scaled so that its mean and standard
    deviation over all pixels of all images equal the reference's. All images share one correction:
    one for each patch would remove the very differences in stain that tell patches apart. So both
    domains should show a similar mix of tissue. Labels play no part.

    Raises ValueError when the images are not RGB in [0, 1]. Source: Reinhard et al. (2001),
    doi:10.1109/38.946629, with CIELAB for their space lαβ. Taught in notebook 11.
    """
    from skimage.color import lab2rgb

    for given in (domain, reference):
        if not isinstance(given.x, Tensor) or given.x.ndim != 4 or given.x.shape[1] != 3:
            raise ValueError(f"{given.name}: stains are normalised in RGB images (n, 3, h, w), got {given!r}")
        if given.x.min() < 0 or given.x.max() > 1:
            span = f"{given.x.min():.3g} to {given.x.max():.3g}"
            raise ValueError(f"{given.name}: colours must lie in [0, 1], they run from {span}")
    own, other = _lab(domain), _lab(reference)
    pixels = (0, 1, 2)
    spread = own.std(pixels)
    scale = np.divide(other.std(pixels), spread, out=np.ones(3), where=spread > 1e-6)
    with warnings.catch_warnings():
        # Colours beyond what a screen shows are expected; they are clipped.
        warnings.filterwarnings("ignore", message="Conversion from CIE-LAB")
        matched = lab2rgb((own - own.mean(pixels)) * scale + other.mean(pixels))
    x = torch.from_numpy(matched).permute(0, 3, 1, 2).to(domain.x.dtype).clamp(0, 1).contiguous()
    return replace(domain, x=x, name=f"{domain.name}, colours of {reference.name}")


def _lab(domain: Domain) -> np.ndarray:
    from skimage.color import rgb2lab

    return rgb2lab(domain.x.detach().permute(0, 2, 3, 1).double().numpy())


def _draw(possible: np.ndarray, per_class: int, rng: np.random.Generator) -> np.ndarray:
    """Return `per_class` different places (row, column) out of those that are possible."""
    places = np.argwhere(possible)
    if not 1 <= per_class <= len(places):
        raise ValueError(f"per_class must lie between 1 and {len(places)}, got {per_class}")
    return rng.choice(places, per_class, replace=False)


def _half(picture: np.ndarray, part: str) -> np.ndarray:
    middle = picture.shape[1] // 2
    return picture[:, :middle] if part == "train" else picture[:, middle:]


@cache
def _slide() -> np.ndarray:
    from skimage.data import immunohistochemistry

    return immunohistochemistry() / 255


@cache
def _brown() -> np.ndarray:
    from skimage.color import rgb2hed

    return rgb2hed(_slide())[..., 2]


@cache
def _slide_b() -> np.ndarray:
    from scipy.ndimage import gaussian_filter
    from skimage.color import combine_stains, hed_from_rgb, rgb_from_hed, separate_stains

    colours = np.array(STAINS_B)
    colours *= np.linalg.norm(rgb_from_hed, axis=1, keepdims=True) / np.linalg.norm(colours, axis=1, keepdims=True)
    amounts = separate_stains(_slide(), hed_from_rgb) * np.array(AMOUNTS_B)
    picture = np.clip(combine_stains(amounts, colours) * np.array(TINT_B), 0, 1)
    # Each half on its own: no light may pass from the test half to the training half.
    return np.concatenate([gaussian_filter(_half(picture, part), (BLUR_B, BLUR_B, 0)) for part in ("train", "test")], 1)
