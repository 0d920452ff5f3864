"""The text's Keras listing against ours on the same images: `make bench`.

    python tests/bench/keras_listing.py [--images 128] [--repeats 3]

A frozen ResNet-50, global average pooling, a new softmax layer for 5 classes, 10 epochs of Adam, batches of 32.
Time in one process, in turns; peak memory from a process for each side. Both networks have random weights (speed
does not depend on them, and none has to be downloaded), their BatchNorm statistics brought to the images: without
that, all features of such a network are alike. Keras builds the original ResNet-50 and torchvision its version 1.5,
so the two accuracies are those of two networks.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import tlutils as tl  # noqa: I001 - before torchvision, which the other side imports as well
import numpy as np
import torch
from torch import nn

from tlutils.report import record

CLASSES, EPOCHS, BATCH, SIZE = 5, 10, 32, 224


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side, of which the median counts")
    parser.add_argument("--alone", choices=SIDES, help="run one side once and print this process' peak memory")
    options = parser.parse_args()
    x, y = pictures(options.images)
    if options.alone:
        SIDES[options.alone](x)(y)
        print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f}")
        return
    # First, while this process is small: a child's highest memory starts at its parent's.
    peaks = {name: peak_alone(name, options.images) for name in SIDES}
    runs = {name: build(x) for name, build in SIDES.items()}
    turns = [{name: run(y) for name, run in runs.items()} for _ in range(options.repeats)]
    print(f"ResNet-50, {options.images} images at {SIZE}², {CLASSES} classes, {EPOCHS} epochs, medians of {len(turns)}")
    listing, theirs = (median(values) for values in zip(*(turn["keras"] for turn in turns), strict=True))
    for name, peak in peaks.items():
        seconds, accuracy = (median(values) for values in zip(*(turn[name] for turn in turns), strict=True))
        print(f"  {name:10} {seconds:7.1f} s {listing / seconds:6.1f} ×   accuracy {accuracy:.3f}   peak {peak} GiB")
        if name != "keras":
            compared = f"training accuracy {accuracy:.2f} against {theirs:.2f}, {peak} GiB against {peaks['keras']}"
            record(
                what=f"The text's listing in PyTorch, {options.images} images, {EPOCHS} epochs, {name}",
                against="the same listing in Keras, on TensorFlow",
                measured=f"{listing / seconds:.3g} times as fast, {compared}",
            )


def peak_alone(name: str, images: int) -> str:
    """Return the peak memory of a process that runs one side once, in GiB."""
    command = [sys.executable, __file__, "--alone", name, "--images", str(images)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]


def pictures(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return noisy pictures (n, 3, 224, 224) in [0, 1], a colour for each class: random features suffice."""
    generator = torch.Generator().manual_seed(0)
    tints = torch.tensor([[0.9, 0.2, 0.2], [0.2, 0.9, 0.2], [0.2, 0.2, 0.9], [0.9, 0.9, 0.2], [0.1, 0.1, 0.1]])
    y = torch.arange(n) % CLASSES
    return (tints[y, :, None, None] + 0.1 * torch.randn(n, 3, SIZE, SIZE, generator=generator)).clamp(0, 1), y


def keras_side(x: torch.Tensor):
    """Return a run of the listing: labels → seconds and accuracy."""
    import keras
    from keras.applications.resnet50 import ResNet50, preprocess_input

    keras.utils.set_random_seed(0)
    images = preprocess_input(255 * x.permute(0, 2, 3, 1).numpy())
    base = ResNet50(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))
    norms = [layer for layer in base.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0  # statistics of this one batch
    base(images[:16], training=True)

    def run(y: torch.Tensor) -> tuple[float, float]:
        began = time.perf_counter()
        pooled = keras.layers.GlobalAveragePooling2D()(base.output)
        predictions = keras.layers.Dense(CLASSES, activation="softmax")(pooled)
        model = keras.Model(inputs=base.input, outputs=predictions)
        for layer in base.layers:
            layer.trainable = False
        model.compile(optimizer="adam", loss="categorical_crossentropy")
        model.fit(images, np.eye(CLASSES, dtype="float32")[y.numpy()], epochs=EPOCHS, batch_size=BATCH, verbose=0)
        seconds = time.perf_counter() - began
        return seconds, float((model.predict(images, verbose=0).argmax(1) == y.numpy()).mean())

    return run


def our_side(x: torch.Tensor, allow_bfloat16: bool):
    """Return a run of ours: features once, then ten epochs of the layer; labels → seconds and accuracy."""
    torch.manual_seed(0)
    encoder = tl.image_encoder("resnet50", pretrained=False)
    with torch.no_grad():
        encoder.train()
        for module in encoder.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        encoder(x[:16])
    encoder.eval()

    def run(y: torch.Tensor) -> tuple[float, float]:
        began = time.perf_counter()
        features = tl.extract_features(encoder, x, batch_size=BATCH, cache=False, allow_bfloat16=allow_bfloat16)
        torch.manual_seed(0)
        layer = nn.Linear(encoder.dim, CLASSES)
        optimizer = torch.optim.Adam(layer.parameters(), lr=1e-3)
        for _ in range(EPOCHS):
            for rows in torch.randperm(len(x)).split(BATCH):
                loss = nn.functional.cross_entropy(layer(features[rows]), y[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        seconds = time.perf_counter() - began
        return seconds, (layer(features).argmax(1) == y).float().mean().item()

    return run


SIDES = {
    "keras": keras_side,
    "float32": lambda x: our_side(x, allow_bfloat16=False),
    "bfloat16": lambda x: our_side(x, allow_bfloat16=True),
}

if __name__ == "__main__":
    main()
