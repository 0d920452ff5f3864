"""Every claim about speed: `make bench`. Both sides in one process on the same work, medians, peak memory.

    python tests/bench/bench.py [PART …] [--images 512] [--texts 2000] [--repeats 10] [--threads 2]
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import torch
from torch import nn
from torch.nn import functional as F

import tlutils as tl
from tlutils.nets import CifarResNet
from tlutils.report import record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--images", type=int, default=512, help="images of 224×224 for `features`")
    parser.add_argument("--texts", type=int, default=2000, help="reviews of mixed length for `texts`")
    parser.add_argument("--repeats", type=int, default=10, help="measurements that each median is taken of")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads, medians of {options.repeats}")
    for part in options.parts:
        PARTS[part](options)


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds that `work` takes once."""
    began = clock()
    work()
    return clock() - began


def medians(sides: dict[str, Callable[[], object]], repeats: int, clock=time.perf_counter) -> dict[str, float]:
    """Return the median seconds of every side, measured in turns so that a busy moment hits all alike."""
    for work in sides.values():
        work()  # warm
    runs = {name: [] for name in sides}
    for _ in range(repeats):
        for name, work in sides.items():
            runs[name].append(timed(work, clock))
    return {name: median(times) for name, times in runs.items()}


def peak_mib(work: Callable[[], object]) -> float:
    """Return the most memory, in MiB, that torch held at one time during `work`, beyond what it held before."""
    work()
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        work()
    changes = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = highest = 0
    for event in sorted(changes, key=lambda event: event.start_ns()):
        held += event.nbytes()
        highest = max(highest, held)
    return highest / 2**20


class ResNet50(nn.Module):
    """torchvision's ResNet-50 without its head, with random weights: speed does not depend on them."""

    dim, channels = 2048, 3

    def __init__(self) -> None:
        super().__init__()
        import torchvision

        self.layers = torchvision.models.resnet50(weights=None)
        self.layers.fc = nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def bench_features(options: argparse.Namespace) -> None:
    """Frozen ResNet-50 and a head, 10 epochs: the usual loop against features computed once."""
    torch.manual_seed(0)
    epochs, batch = 10, 32
    encoder = ResNet50().requires_grad_(False).eval()
    # Four kinds of striped pictures, so that the head has something to learn.
    y = torch.arange(options.images) % 4
    stripes = torch.sin(torch.arange(224) * (0.1 + 0.15 * y[:, None])).view(-1, 1, 1, 224)
    x = (0.5 + 0.3 * stripes + 0.1 * torch.randn(options.images, 3, 224, 224)).clamp(0, 1)
    # Random weights with fitting BatchNorm statistics: without them all features of such a net are alike.
    with torch.no_grad():
        encoder.train()(x[:64])
    usual = ResNet50().requires_grad_(False).eval()
    usual.load_state_dict(encoder.eval().state_dict())

    def head_on(rows: torch.Tensor, extract: Callable[[torch.Tensor], torch.Tensor], passes: int) -> list[float]:
        """Train a head for some passes; return seconds per pass and, last, its accuracy."""
        torch.manual_seed(1)
        head = nn.Linear(2048, 4)
        optimizer = torch.optim.Adam(head.parameters(), lr=1e-3)
        seconds = []
        for _ in range(passes):
            began = time.perf_counter()
            for index in torch.randperm(len(rows)).split(batch):
                loss = F.cross_entropy(head(extract(rows[index])), y[index])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            seconds.append(time.perf_counter() - began)
        with torch.no_grad():
            known = torch.cat([extract(part) for part in rows.split(batch)])
            return [*seconds, (head(known).argmax(1) == y).float().mean().item()]

    def bare(dtype: torch.dtype) -> None:
        with torch.inference_mode(), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            for part in x.split(batch):
                encoder(part.contiguous(memory_format=torch.channels_last))

    def once(reduced: bool) -> torch.Tensor:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["TLUTILS_CACHE"] = folder
            return tl.extract_features(encoder, x, batch_size=batch, allow_bfloat16=reduced)

    *epoch, usual_accuracy = head_on(x, usual, max(epochs, options.repeats))
    features, reduced = once(False), once(True)
    scores = {name: head_on(f, nn.Identity(), epochs) for name, f in (("float32", features), ("bfloat16", reduced))}
    cosine = F.cosine_similarity(features, reduced).min().item()
    total = epochs * median(epoch)
    what = f"Frozen ResNet-50 and a head, {options.images} images of 224 × 224, {epochs} epochs, features computed once"
    print(f"\nResNet-50, {options.images} images at 224², {epochs} epochs of a head, batch {batch}")
    print(f"  usual loop             {total:8.1f} s   (an epoch {median(epoch):.2f} s)   accuracy {usual_accuracy:.3f}")
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        sides = {"bare": partial(bare, dtype), "once": partial(once, name == "bfloat16")}
        seconds = medians(sides, options.repeats)
        ours = seconds["once"] + sum(scores[name][:-1])
        overhead = seconds["once"] / seconds["bare"] - 1
        print(
            f"  once, {name:8}         {ours:8.1f} s   {total / ours:5.1f} × faster   accuracy {scores[name][-1]:.3f}"
            f"   over the bare pass {overhead:+.1%}"
        )
        apart = scores[name][-1] - usual_accuracy
        record(
            what=f"{what}, {name}",
            against="the network run again in every epoch, float32",
            measured=f"{total / ours:.3g} times as fast, training accuracy {apart:+.3f}",
        )
        record(
            what=f"`extract_features` with its cache, ResNet-50, {name}",
            against="the bare forward pass",
            measured=f"{overhead:+.1%} time",
        )
    print(f"  smallest cosine between float32 and bfloat16 features {cosine:.5f}")
    print(f"  peak memory: one batch, usual {peak_mib(lambda: usual(x[:batch])):.0f} MiB, ", end="")
    print(f"once {peak_mib(lambda: tl.extract_features(encoder, x[:batch], batch_size=batch, cache=False)):.0f} MiB")


def broadcast_mmd(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The direct way: every difference of two rows is materialised, (2n)²·d numbers."""
    x = torch.cat([a, b])
    n = len(a)
    distances = (x[:, None, :] - x[None, :, :]).square().sum(2)
    bandwidth = distances.detach().sum() / (len(x) * (len(x) - 1))
    kernel = sum(torch.exp(-distances / (c * bandwidth)) for c in (0.25, 0.5, 1, 2, 4))
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


def backward(loss: Callable, a: torch.Tensor, b: torch.Tensor) -> None:
    """Compute a loss of two samples and its gradient."""
    torch.autograd.grad(loss(a, b), (a, b))


def bench_mmd(options: argparse.Namespace) -> None:
    """MMD forward and backward, d = 256, CPU time: ours, pytorch-adapt's, a direct broadcast."""
    # First, while this process is small: a child's highest memory starts at its parent's.
    large = large_mmd()
    print(f"\nMMD forward, n = m = 50,000, d = 256\n  {large}")
    measured = large.partition(",  ")[0]
    record(what="`mmd` of 50,000 + 50,000 rows of 256", against="nothing: for its memory", measured=measured)
    sides = {"ours": tl.mmd, "broadcast": broadcast_mmd}
    try:
        from pytorch_adapt.layers import MMDLoss

        scales = 2.0 ** torch.arange(-2, 3)  # as many Gaussians as ours
        sides["pytorch-adapt"] = MMDLoss(kernel_scales=scales, mmd_type="quadratic")
    except ImportError as error:
        print(f"  pytorch-adapt is left out ({error}): pip install -e .[bench]")
    for n in (128, 512):
        generator = torch.Generator().manual_seed(0)
        a, b = (torch.randn(n, 256, generator=generator).requires_grad_() for _ in range(2))
        works = {name: partial(backward, loss, a, b) for name, loss in sides.items()}
        quick = {name: work for name, work in works.items() if name != "broadcast"}
        times = medians(quick, 5 * options.repeats, time.process_time)
        times |= medians({"broadcast": works["broadcast"]}, options.repeats, time.process_time)
        print(f"\nMMD forward + backward, n = {n}, d = 256, CPU time")
        peaks = {name: peak_mib(work) for name, work in works.items()}
        for name in sorted(times, key=times.get):
            ratio = times[name] / times["ours"]
            print(f"  {name:14} {1e3 * times[name]:9.2f} ms {ratio:8.1f} ×   peak {peaks[name]:8.1f} MiB")
            if name != "ours":
                record(
                    what=f"`mmd` with its gradient, {n} + {n} rows of 256, CPU time",
                    against={"broadcast": "all differences at once"}.get(name, name),
                    measured=f"{ratio:.3g} times as fast, {peaks['ours']:.1f} MiB against {peaks[name]:,.0f}",
                )


def large_mmd() -> str:
    """Return time and memory of a very large MMD, measured in a process of its own."""
    code = (
        "import resource, time, torch, tlutils as tl\n"
        f"torch.set_num_threads({torch.get_num_threads()})\n"
        "a, b = torch.randn(50_000, 256), torch.randn(50_000, 256)\n"
        "before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()\n"
        "tl.mmd(a, b)\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(f'{time.perf_counter() - began:.0f} s, peak {(after - before) / 2**20:.2f} GiB beyond the inputs, ',\n"
        "      f'{after / 2**20:.2f} GiB for the whole process')\n"
    )
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def bench_step(options: argparse.Namespace) -> None:
    """A training step with a penalty against the plain step on the same concatenated batch, 64 + 64."""
    torch.manual_seed(0)
    x, y = torch.rand(128, 3, 32, 32), torch.arange(128) % 10
    source = tl.Domain(x, y, tuple("0123456789"), "source")
    target = tl.Domain(torch.rand(128, 3, 32, 32), None, source.classes, "target")
    penalties = {
        "plain": lambda a, b: 0 * (a.sum() + b.sum()),
        "MMD": tl.mmd,
        "CORAL": tl.coral,
        "sliced Wasserstein": tl.sliced_wasserstein,
        "DANN": tl.DomainAdversary(64),
        "CDAN+E": tl.DomainAdversary(64, classes=10, entropy=True),
    }
    model = tl.Classifier(CifarResNet(20), 10)

    def steps(penalty) -> None:
        tl.fit(model, source, target, penalty=penalty, steps=4, batch_size=64)

    times = medians({name: partial(steps, p) for name, p in penalties.items()}, options.repeats)
    print("\nA step of ResNet-20 on 64 + 64 images of 32×32")
    for name, seconds in times.items():
        print(f"  {name:20} {250 * seconds:7.1f} ms   {seconds / times['plain'] - 1:+.1%}")
        if name != "plain":
            record(
                what=f"A training step of ResNet-20 with {name}, 64 + 64 images",
                against="the step without a penalty",
                measured=f"{seconds / times['plain'] - 1:+.1%} time",
            )
    print(f"  memory of the whole process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def bench_texts(options: argparse.Namespace) -> None:
    """Embeddings of reviews of mixed length by MiniLM: sentence-transformers' `encode` against `extract_features`."""
    from sentence_transformers import SentenceTransformer

    from tlutils.datasets import corpora, reviews
    from tlutils.store import available
    from tlutils.text_encoders import _package_folder

    if available("en_amazon_blitzer_raw/dvd_positive.parsed"):
        texts = [text for category in corpora.CATEGORIES for text in corpora.amazon(category).x]
    else:  # the course's own, joined to other lengths
        own = reviews.reviews().x
        texts = [" ".join(own[i : i + 1 + i % 5]) for i in range(len(own))] * 3
    random.Random(0).shuffle(texts)
    texts = texts[: options.texts]
    other = SentenceTransformer(str(_package_folder()), device="cpu")
    encoder = tl.text_encoder("minilm")
    sides = {
        "sentence-transformers": lambda: other.encode(texts),
        "ours, float32": lambda: tl.extract_features(encoder, texts, cache=False),
        "ours, bfloat16": lambda: tl.extract_features(encoder, texts, cache=False, allow_bfloat16=True),
    }
    lengths = [len(row) for row in encoder.tokens(texts)]
    expected = torch.from_numpy(other.encode(texts))
    cosine = {name: (torch.as_tensor(work()) * expected).sum(1).min().item() for name, work in sides.items()}
    times = medians(sides, options.repeats, time.process_time)
    print(f"\nMiniLM, {len(texts)} reviews of {min(lengths)} to {max(lengths)} tokens, CPU time")
    for name, seconds in times.items():
        ratio = times["sentence-transformers"] / seconds
        print(f"  {name:22} {seconds:7.1f} s   {ratio:4.2f} × as fast   smallest cosine {cosine[name]:.6f}")
        if name.startswith("ours"):
            record(
                what=f"`extract_features` with MiniLM, {len(texts):,} reviews,{name.removeprefix('ours,')}, CPU time",
                against="sentence-transformers' `encode`",
                measured=f"{ratio:.3g} times as fast, smallest cosine {cosine[name]:.5f}",
            )


def logme_by_covariance(f: torch.Tensor, y: torch.Tensor) -> float:
    """LogME by the eigenvectors of fᵀf, d × d, and MacKay's fixed point for α and β: as written for n > d."""
    f = f.double()
    n, d = f.shape
    least = 1e-10 * n  # the noise that ours holds too; rounding would make a smaller misfit negative
    values, vectors = torch.linalg.eigh(f.T @ f)
    values = values.clamp(min=0)
    best = []
    for t in F.one_hot(y).double().T:
        along = vectors.T @ (f.T @ t)  # f's answer to t, in the eigenvectors' coordinates
        alpha = beta = 1.0
        for _ in range(100):
            precision = alpha + beta * values
            mean = beta * along / precision
            misfit = (t @ t - 2 * (mean @ along) + (values * mean.square()).sum()).clamp(min=least)
            used = (beta * values / precision).sum()
            new = (used / mean.square().sum()).item(), ((n - used) / misfit).item()
            settled = abs(new[0] / new[1] - alpha / beta) < 1e-6 * alpha / beta
            alpha, beta = new
            if settled:
                break
        precision = alpha + beta * values
        mean = beta * along / precision
        misfit = (t @ t - 2 * (mean @ along) + (values * mean.square()).sum()).clamp(min=least)
        log_alpha, log_beta = torch.tensor([alpha, beta]).double().log()
        evidence = d * log_alpha + n * log_beta - precision.log().sum() - beta * misfit - alpha * mean.square().sum()
        best.append((evidence - n * torch.tensor(2 * torch.pi).double().log()).item() / (2 * n))
    return sum(best) / len(best)


def bench_logme(options: argparse.Namespace) -> None:
    """LogME of 200 rows of 2,048 features, ten classes: ours against the route over fᵀf, CPU time."""
    y = torch.arange(200) % 10
    f = torch.randn(200, 2048, generator=torch.Generator().manual_seed(0)) + 5 * torch.eye(10, 2048)[y]
    sides = {"ours": lambda: tl.logme(f, y), "by d × d": lambda: logme_by_covariance(f, y)}
    found = {name: work() for name, work in sides.items()}
    times = medians(sides, options.repeats, time.process_time)
    print("\nLogME, n = 200, d = 2,048, ten classes, CPU time")
    for name, seconds in times.items():
        ratio = seconds / times["ours"]
        print(f"  {name:14} {1e3 * seconds:9.1f} ms {ratio:8.1f} ×   {found[name]:.6f} nats")
        if name != "ours":
            record(
                what="`logme` of 200 rows of 2,048, ten classes, CPU time",
                against="the route over d × d, iterated",
                measured=f"{ratio:.3g} times as fast, {found['ours'] - found[name]:+.1g} nats",
            )


PARTS = {
    "mmd": bench_mmd,
    "step": bench_step,
    "features": bench_features,
    "texts": bench_texts,
    "logme": bench_logme,
}

if __name__ == "__main__":
    main()
