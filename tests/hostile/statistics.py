"""Attacks on metrics, weights and plans, adaptation without labels, maps over images, and their checks."""

from __future__ import annotations

import math
from functools import cache, wraps

import numpy as np
import torch
from hostile.kit import (
    WRONG,
    Attack,
    Kind,
    class_numbers,
    classifier,
    domains,
    flags,
    functions,
    models,
    names,
    numbers,
    odd_tensors,
    one_of,
    shares_of,
    tensor,
    tensors,
    values,
)
from hypothesis import strategies as st
from torch import Tensor, nn

import tlutils as tl
from tlutils import (
    agreement,
    augment,
    clustering,
    explain,
    map_checks,
    metrics,
    negative,
    normalisation,
    scaling,
    self_training,
    shortcuts,
    similarity,
    source_free,
    testtime,
    texts,
)

# ---------------------------------------------------------------- kinds


def images(n: int = 4, channels: int = 3, side: int = 8) -> Kind:
    """Return float images with values in [0, 1]."""
    shape = (n, channels, side, side)
    return Kind(st.integers(0, 3).map(lambda seed: tensor(*shape, seed=seed).sigmoid()), odd_tensors(shape) | WRONG)


def groupings(n: int, groups: int) -> Kind:
    """Return cluster numbers, which may be any whole ones."""
    return Kind(one_of(torch.arange(n) % groups, torch.arange(n) // groups), class_numbers(n, groups).bad)


def estimates(*runs: tuple[float, ...]) -> Kind:
    """Return estimates of three runs, and extreme ones."""
    odd = [
        tl.Estimate(each) for each in ((1.0, 2.0), (0.0,) * 3, (1e150, -1e150, 1e150), (1e-310,) * 3, (1e30, 1, -1e30))
    ]
    return values([tl.Estimate(each) for each in runs], odd)


def sheets() -> Kind:
    """Return measured scores of three candidates on two targets, and tables that miss something."""

    def row(seed: int, *, scale: float = 1.0, runs: int = 3, **more: object) -> dict:
        scores = {
            name: tl.Estimate(tensor(runs, seed=seed + k, scale=scale)) for k, name in enumerate(("a", agreement.TRUTH))
        }
        return scores | more

    def sheet(**row_settings) -> dict:
        return {
            target: {name: row(3 * i + j, **row_settings) for j, name in enumerate("xyz")}
            for i, target in enumerate("st")
        }

    good = sheet()
    odd = [
        *(sheet(scale=1e38), sheet(scale=0.0), sheet(runs=2), sheet(b=1.0), sheet(b="x"), sheet(b=tl.Estimate((1, 2)))),
        *({}, {"s": {}}, {"s": good["s"]}, {"s": good["s"], "t": {}}, {"s": good["s"], "t": None}, {"s": 1, "t": 2}),
        *(
            good | {"t": {"x": good["t"]["x"]}},
            good | {"t": good["t"] | {"y": {}}},
            good | {"t": {"x": {"a": good["t"]["x"]["a"]}}},
        ),
        *({1: good["s"], 2: good["t"]}, good | {"u": [1]}),
    ]
    return values([good], odd)


class Pictures(nn.Module):
    """A small network of images with BatchNorm and ReLU, which has an encoder's `dim`."""

    def __init__(self, outputs: int = 3, channels: int = 3) -> None:
        super().__init__()
        self.dim = outputs
        self.features = nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Linear(4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).mean((2, 3)))


def network(outputs: int = 3, extreme: float = 1.0) -> Pictures:
    """Return the same network each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = Pictures(outputs)
    with torch.no_grad():
        made.head.weight.mul_(extreme)
    return made


class Odd(nn.Module):
    """A network that answers with what it was given."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x: object) -> object:
        return self.answer


def networks() -> Kind:
    """Return small networks of images, and modules that are none."""
    odd = (
        *(nn.Linear, nn.Identity(), nn.Sequential(), nn.Linear(1, 1), nn.Linear(8, 3).double(), nn.Flatten()),
        *(
            Odd(None),
            Odd("x"),
            Odd(torch.zeros(())),
            Odd((tensor(4, 3), tensor(4, 3))),
            Odd(torch.full((4, 3), math.nan)),
        ),
        *(
            network(1),
            network(extreme=1e30),
            network(extreme=math.nan),
            network().double(),
            network().half(),
            nn.BatchNorm2d(3),
        ),
        *(nn.BatchNorm1d(8), nn.Sequential(nn.Flatten(), nn.BatchNorm1d(192, affine=False))),
    )
    return Kind(st.builds(network), one_of(*odd) | WRONG)


def regions() -> Kind:
    """Return rectangles within 8 × 8 pixels, and others."""
    odd = (
        *(
            (0, 0, 2, 2),
            (0, 0, 0, 0),
            (-1, 0, 2, 2),
            (7, 7, 2, 2),
            (0, 0, 8, 9),
            (0.0, 0, 2, 2),
            (None,) * 4,
            ("a",) * 4,
        ),
        *((2**70, 0, 1, 1), (0, 0, 2**62, 1), (math.nan, 0, 1, 1), (np.int64(1),) * 4, (torch.tensor(1),) * 4),
    )
    return values(
        [shortcuts.Region(1, 1, 3, 2), shortcuts.Region(0, 0, 8, 8)], [shortcuts.Region(*each) for each in odd]
    )


@cache
def reader() -> tl.Classifier:
    """Return a tiny classifier of texts."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = {word: number for number, word in enumerate(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "good", "bad", "coffee"])}
    tokens = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    tokens.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        settings = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
        bert = BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=16, **settings))
        encoder = texts.TransformerEncoder(bert, PreTrainedTokenizerFast(tokenizer_object=tokens), 12)
        return tl.Classifier(encoder, 3)


def functions_of(*good) -> Kind:
    """Return dicts of functions by name, and of what is none."""
    return values(
        [{"a": each} for each in good], [{"a": None}, {"a": lambda: None}, {1: good[0]}, {"a": lambda *_: math.nan}]
    )


def sparse(n: int, width: int) -> Kind:
    """Return tables (n, width), dense or sparse."""
    from scipy.sparse import coo_matrix, csr_matrix

    rows = tensor(n, width).numpy()
    odd = [
        csr_matrix(rows * math.nan),
        csr_matrix(rows[:0]),
        csr_matrix(rows[:, :1]),
        coo_matrix(rows),
        csr_matrix(rows * 1e30),
    ]
    kind = tensors(n, width)
    return Kind(
        kind.good | one_of(csr_matrix(rows)), kind.bad | one_of(*odd, csr_matrix(rows + 1j), csr_matrix(rows > 0))
    )


def documented_as(other):
    """Give a function the promises of another's docstring."""
    return wraps(other, assigned=("__module__", "__doc__"), updated=())


# ---------------------------------------------------------------- how some are called


def of_pixels(function):
    """Leave the answer away where pixels are not finite or extreme: such are documented to stay so."""

    @documented_as(function)
    def augmented(x, *settings):
        answer = function(x, *settings)
        return answer if x.abs().max() < 1e31 else None

    return augmented


@documented_as(metrics.bootstrap)
def bootstrap(metric, scores, labels, groups, resamples, seed):
    return metrics.bootstrap(metric, scores, labels, groups=groups, resamples=resamples, seed=seed)


@documented_as(metrics.bootstrap)
def bootstrap_of(*arrays):
    return metrics.bootstrap(lambda *parts: float(len(parts)), *arrays, resamples=10)


@documented_as(shortcuts.repaint)
def repaint(region, x):
    return shortcuts.repaint(region)(x)


@documented_as(tl.InformationMaximisation.__call__)
def penalty(*parts):
    return tl.InformationMaximisation(tl.coral)(*parts)


@documented_as(similarity.layer_outputs)
def layer_outputs(model, x, batch_size):
    layers = list(model.children())[:2] if isinstance(model, nn.Module) else [nn.Linear(1, 1)]
    return similarity.layer_outputs(model, layers, x, batch_size=batch_size)


@documented_as(explain.grad_cam)
def grad_cam(model, x, classes, batch_size):
    layer = next(model.children(), model) if isinstance(model, nn.Module) else nn.Linear(1, 1)
    return explain.grad_cam(model, x, layer, classes, batch_size=batch_size)


@documented_as(map_checks.randomised)
def randomised(model, seed):
    parts = list(model.children())[::-1] if isinstance(model, nn.Module) else [nn.Linear(1, 1)]
    return map_checks.randomised(model, parts, seed=seed)


@documented_as(map_checks.sanity_check)
def sanity_check(model, x, methods, seed):
    parts = list(model.children())[::-1] if isinstance(model, nn.Module) else [nn.Linear(1, 1)]
    return map_checks.sanity_check(model, parts, x, methods, seed=seed)


@documented_as(shortcuts.shortcut_report)
def shortcut_report(model, x, fill):
    report = shortcuts.shortcut_report(model, x, fill=fill)
    return report, report.excess, report.named, str(report)


@documented_as(negative.forecast)
def forecast(source, target):
    found = negative.forecast(source, target)
    return [part for part in found if part is not None], found.score


# ---------------------------------------------------------------- attacks

A, B = tensors(6, 3), tensors(5, 3)
X, CLASSES, MAPS = images(), class_numbers(4, 3), tensors(4, 8, 8)
SCORES, TRUTH = tensors(8), class_numbers(8, 2)
WIRE = values(
    [scaling.ETHERNET],
    [
        scaling.Network("slow", 1e-310, 1e308),
        scaling.Network("ideal", math.inf, 0),
        scaling.Network("far", 1, math.inf),
    ],
)
TRAINING = (numbers(64), numbers(1000.0), numbers(1e6), numbers(1, 4), WIRE)
NUMBERS = values(
    [(1.0, 2.0, 3.0), [0.5, 0.25, 0.25]],
    [(1.0,), (math.nan,) * 3, (math.inf, 1, 2), (1e308,) * 3, ("a", "b", "c"), (1, 1, 1), (True, None, 2)],
)
AUGMENTED = {
    f"augment.{name}": Attack(of_pixels(getattr(augment, name)), (X, *settings))
    for name, settings in {
        "random_shift": (numbers(0, 2),),
        "random_flip": (),
        "random_grey": (numbers(0.3),),
        "random_light": (numbers(0.4),),
        "random_noise": (numbers(0.05),),
        "random_warp": (numbers(10.0), numbers(0.2), numbers(0.15), numbers(0.125), numbers(0.1, 0)),
        "random_colours": (),
        "random_blur": (numbers(1.0),),
        "random_looks": (),
    }.items()
}
ATTACKS = {
    **AUGMENTED,
    "agreement.agreement": Attack(agreement.agreement, (sheets(),)),
    "agreement.weighted_tau": Attack(agreement.weighted_tau, (NUMBERS, NUMBERS)),
    "agreement.regret": Attack(agreement.regret, (NUMBERS, NUMBERS)),
    "clustering.kmeans": Attack(tl.kmeans, (tensors(8, 3), numbers(2, 3)), {"seed": numbers(0, 1)}),
    "clustering.match_clusters": Attack(tl.match_clusters, (groupings(8, 3), groupings(8, 2))),
    "clustering.matched_accuracy": Attack(tl.matched_accuracy, (groupings(8, 3), groupings(8, 2))),
    "clustering.nmi": Attack(tl.nmi, (groupings(8, 3), groupings(8, 2))),
    "clustering.stability": Attack(
        clustering.stability,
        (
            values(
                [[torch.arange(4), torch.arange(4) // 2]],
                [
                    [torch.arange(4)],
                    [torch.arange(4), torch.arange(3)],
                    [torch.arange(4).to("meta")] * 2,
                    [torch.ones(4)] * 2,
                    [torch.arange(4), None],
                    [torch.arange(0)] * 2,
                ],
            ),
        ),
    ),
    "metrics.auc": Attack(metrics.auc, (SCORES, TRUTH)),
    "metrics.auc classes": Attack(metrics.auc, (tensors(8, 3), class_numbers(8, 3))),
    "metrics.threshold_for": Attack(metrics.threshold_for, (numbers(0.9, 1.0), SCORES, TRUTH)),
    "metrics.sensitivity": Attack(metrics.sensitivity, (SCORES, TRUTH, numbers(0.5))),
    "metrics.specificity": Attack(metrics.specificity, (SCORES, TRUTH, numbers(0.5))),
    "metrics.reliability_curve": Attack(metrics.reliability_curve, (shares_of(8, 3), class_numbers(8, 3), numbers(5))),
    "metrics.calibration_error": Attack(metrics.calibration_error, (shares_of(8, 3), class_numbers(8, 3), numbers(5))),
    "metrics.calibration_error binary": Attack(
        metrics.calibration_error, (Kind(one_of(torch.rand(8)), SCORES.bad), TRUTH)
    ),
    "metrics.bootstrap": Attack(
        bootstrap,
        (
            functions(metrics.auc),
            SCORES,
            TRUTH,
            values(
                [None, torch.arange(8)],
                [torch.zeros(8), torch.arange(7), torch.zeros(8, 2), torch.full((8,), math.nan)],
            ),
            numbers(20),
            numbers(0),
        ),
        also=(TypeError,),
    ),
    "metrics.bootstrap arrays": Attack(bootstrap_of, (A, tensors(6))),
    "metrics.share_interval": Attack(metrics.share_interval, (numbers(3), numbers(8))),
    "scaling.Network": Attack(scaling.Network, (names("wire"), numbers(1e9), numbers(1e-5)), finite=False),
    "scaling.gradient_bytes": Attack(scaling.gradient_bytes, (models(),)),
    "scaling.allreduce_seconds": Attack(scaling.allreduce_seconds, TRAINING[2:]),
    "scaling.step_seconds": Attack(scaling.step_seconds, TRAINING),
    "scaling.speedup": Attack(scaling.speedup, TRAINING),
    "scaling.efficiency": Attack(scaling.efficiency, TRAINING),
    "self_training.side_by_side": Attack(
        self_training.side_by_side,
        (
            values(
                [[["a good cup", "a good pan"], ["a bad cup"]]],
                [[], [[]], ["text", "x"], [["one"], ["two"]], [[1], [2]], [["", ""], [""]], [["a good"] * 2, [None]]],
            ),
            values(
                [[tensor(2, 3), tensor(1, 3)]],
                [
                    [tensor(2, 3)],
                    [tensor(2, 3), tensor(1, 2)],
                    [tensor(2, 3), tensor(1, 3) / 0],
                    [tensor(2, 3), None],
                    [tensor(2), tensor(1)],
                    [tensor(2, 3).half(), tensor(1, 3).double()],
                    [tensor(2, 3, scale=1e38), tensor(1, 3)],
                    [tensor(2, 3).requires_grad_(), tensor(1, 3)],
                ],
            ),
            numbers(0.3, 0),
        ),
    ),
    "self_training.self_training": Attack(
        self_training.self_training,
        (sparse(8, 3), TRUTH, sparse(6, 3)),
        {"shares": values([(0.2, 0.4), [0.5]], [(), (0.0,), (0.6,), (math.nan,), ("a",), (None,), (1e-310,)])},
    ),
    "transport.sinkhorn": Attack(tl.sinkhorn, (tensors(5, 4),), {"regularisation": numbers(0.5)}),
    "transport.transported": Attack(tl.transported, (A, B), {"regularisation": numbers(0.05)}),
    "transport.recoloured": Attack(tl.recoloured, (A, B)),
    "weighting.importance_weights": Attack(tl.importance_weights, (A, B)),
    "weighting.effective_size": Attack(
        tl.effective_size, (Kind(one_of(torch.ones(4), torch.rand(6)), odd_tensors((6,)) | WRONG),)
    ),
    "weighting.label_weights": Attack(
        tl.label_weights, (class_numbers(6, 2), class_numbers(6, 2), class_numbers(5, 2)), {"classes": numbers(2)}
    ),
    "similarity.cka": Attack(tl.cka, (A, tensors(6, 4)), {"debiased": flags()}),
    "similarity.layer_outputs": Attack(layer_outputs, (networks(), X, numbers(2, 256)), changes=(0,), finite=False),
    "similarity.layer_outputs layers": Attack(
        similarity.layer_outputs, (values([nn.Linear(4, 3)]), values([[]], [[nn.Linear(1, 1)], [None]]), tensors(4, 4))
    ),
    "normalisation.reestimate_batchnorm": Attack(
        normalisation.reestimate_batchnorm, (networks(), X, numbers(2, 256)), changes=(0,)
    ),
    "normalisation.statistics_gap": Attack(normalisation.statistics_gap, (networks(), X)),
    "information.information": Attack(tl.information, (A,)),
    "information.information_score": Attack(tl.information_score, (models(), domains(always=True), numbers(5, 512))),
    "information.InformationMaximisation": Attack(tl.InformationMaximisation, (values([None, tl.mmd]), numbers(1.0))),
    "information.InformationMaximisation.__call__": Attack(penalty, (A, B, tensors(6, 2), tensors(5, 2)), finite=False),
    "testtime.entropy": Attack(testtime.entropy, (A,)),
    "testtime.tent": Attack(
        testtime.tent,
        (networks(), X),
        {"batch_size": numbers(2, 64), "lr": numbers(1e-3), "steps": numbers(1, 2)},
        changes=(0,),
    ),
    "source_free.shot": Attack(
        source_free.shot,
        (models(), domains()),
        {
            "pull": numbers(0.1),
            "epochs": numbers(1),
            "steps": numbers(2),
            "batch_size": numbers(4),
            "lr": numbers(1e-3),
            "seed": numbers(0),
        },
        changes=(0,),
    ),
    "source_free.pseudo_labels": Attack(source_free.pseudo_labels, (A, tensors(6, 2))),
    "negative.transfer_gain": Attack(
        tl.transfer_gain, (estimates((1, 2, 3), (0.5, 0.6, 0.7)), estimates((1, 2, 2.5)), estimates((0, 1, 2)))
    ),
    "negative.forecast": Attack(forecast, (domains(), domains(always=True)), examples=15),
    "negative.guarded": Attack(
        tl.guarded,
        (
            values(
                [{"own": torch.arange(6) % 2, "new": torch.zeros(6).long()}],
                [
                    {},
                    {"own": torch.arange(6)},
                    {"own": None, "new": 1},
                    {"own": torch.arange(5), "new": torch.arange(6)},
                    {1: torch.arange(6), "own": torch.arange(6)},
                    {"own": torch.zeros(6), "new": torch.zeros(6)},
                    {"own": torch.arange(6).to("meta"), "new": torch.arange(6)},
                ],
            ),
            class_numbers(6, 2),
        ),
        {"fallback": names("own")},
    ),
    "shortcuts.shortcut_report": Attack(
        shortcut_report, (networks(), X, values([None, 0.5], [1e30, 3e38])), examples=15
    ),
    "shortcuts.attribution_share": Attack(tl.attribution_share, (MAPS, regions())),
    "shortcuts.repaint": Attack(repaint, (regions(), X), finite=False),
    "shortcuts.mean_attribution": Attack(shortcuts.mean_attribution, (MAPS,)),
    "map_checks.map_agreement": Attack(map_checks.map_agreement, (MAPS, MAPS)),
    "map_checks.randomised": Attack(randomised, (networks(), numbers(0, 1))),
    "map_checks.sanity_check": Attack(
        sanity_check, (networks(), X, functions_of(explain.guided_backprop), numbers(0)), also=(TypeError,), examples=15
    ),
    "map_checks.removal_curve": Attack(
        map_checks.removal_curve, (networks(), X, CLASSES, MAPS), {"fill": values([None, 0.5]), "steps": numbers(1, 4)}
    ),
    "explain.grad_cam": Attack(grad_cam, (networks(), X, CLASSES, numbers(2, 64))),
    "explain.grad_cam layer": Attack(
        explain.grad_cam, (Kind(one_of(network()), one_of(network())), X, values([nn.Identity()]), CLASSES)
    ),
    "explain.occlusion": Attack(
        explain.occlusion,
        (networks(), X, CLASSES),
        {"window": numbers(2, 3), "fill": values([None, 0.5]), "batch_size": numbers(64)},
    ),
    "explain.guided_backprop": Attack(explain.guided_backprop, (networks(), X, CLASSES)),
    "explain.log_odds": Attack(explain.log_odds, (tensors(4, 3), CLASSES)),
    "explain.covered_with": Attack(explain.covered_with, (X, values([None, 0.5]))),
    "explain.overlay": Attack(explain.overlay, (X, MAPS), {"strength": numbers(0.6)}),
    "explain.word_contributions": Attack(
        explain.word_contributions,
        (
            Kind(st.builds(reader), one_of(classifier(), network()) | WRONG),
            values(["good coffee", "bad"], ["   ", "x" * 50, "\0", "good " * 40, "\ud800", "\u200b"]),
            numbers(0, 2),
        ),
        {"steps": numbers(20)},
        examples=10,
    ),
}
HELD = "holds what the function beside it found"
WITHIN = "looks, inside other functions, at arguments whose types `checked` has looked at"
EXEMPT = {
    **{f"tensors.{name}": WITHIN for name in ("check_floats", "check_class_numbers", "check_count")},
    **{f"tensors.{name}": WITHIN for name in ("finite", "device_of", "found")},
    "metrics.Reliability": HELD,
    "negative.TransferGain": HELD,
    "negative.Forecast": HELD,
    "negative.Guarded": HELD,
    "shortcuts.ShortcutReport": HELD,
    "information.sure_and_even": "`information` without its look at the logits, inside a training step",
    "shortcuts.Region": "a plain tuple; those who take one look at it",
}
