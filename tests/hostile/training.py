"""Attacks on training and what it stands on: batches, checkpoints, fine-tuning, features, the learners of `advise`."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial, wraps
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from hostile.kit import (
    Attack,
    Encoder,
    Kind,
    class_numbers,
    classifier,
    domains,
    flags,
    functions,
    models,
    names,
    numbers,
    tensor,
    tensors,
    values,
)
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from torch import Tensor, nn

import tlutils as tl
from tlutils import (
    batches,
    checkpoint,
    features,
    findings,
    learners,
    loop,
    own_linear,
    own_model,
    parallel,
    train,
    trainable,
)
from tlutils import (
    cache as kept,
)
from tlutils.negative import Guarded

# ---------------------------------------------------------------- how some are called


def like(documented: Callable, function: Callable) -> Callable:
    """Return a function that promises what another one's docstring does."""
    return wraps(documented, assigned=("__module__", "__doc__"), updated=())(function)


def within(manager: Callable) -> Callable:
    """Return the function that enters a context, runs nothing and leaves it."""

    def entered(*arguments):
        with manager(*arguments):
            pass

    return like(manager, entered)


def in_a_folder(function: Callable) -> Callable:
    """Return the function that works in a new, empty folder."""

    def moved(*arguments, **named):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            Path("folder").mkdir()
            Path("file").write_bytes(b"not what is expected")
            return function(*arguments, **named)

    return like(function, moved)


# ---------------------------------------------------------------- training

ODD_PATHS = ("folder", "file", "file/run.pt", "no\0name", "..", "x" * 300, Path("folder"))
AUGMENTS = functions(lambda x: x, lambda x: x + 0.1 * torch.randn_like(x))
STEPS, RATES, SIZES = numbers(1, 2), numbers(1e-3, 0.1), numbers(4, 100)
LOSSES = functions(lambda z1, z2: (z1 - z2).square().mean(), tl.contrastive_loss)


class Letters(nn.Module):
    """A student of texts: counts their letters."""

    def __init__(self, dim: int = 3) -> None:
        super().__init__()
        self.dim, self.linear = dim, nn.Linear(2, dim)

    def forward(self, texts: list[str]) -> Tensor:
        return self.linear(torch.tensor([[float(len(text)), float(text.count("e"))] for text in texts]))


class Pair(nn.Module):
    """A model that returns what fit wants, of another shape."""

    def __init__(self, *shapes: tuple[int, ...]) -> None:
        super().__init__()
        self.weight, self.shapes = nn.Parameter(torch.ones(())), shapes

    def forward(self, x: Tensor, return_features: bool = True) -> tuple[Tensor, ...]:
        return tuple(self.weight * torch.ones(shape) for shape in self.shapes)


def networks(*odd: nn.Module) -> Kind:
    """Return classifiers to train, and modules that cannot be trained as one, these among them."""
    kind = models()
    frozen = classifier().requires_grad_(False)
    return Kind(kind.good, kind.bad | st.sampled_from([*odd, frozen, tl.Classifier(Encoder(), 2), Letters()]))


MODELS = networks(Pair((4, 2)), Pair((), ()), Pair((4, 2), (4,)), Pair((4, 2), (4, 3)), nn.BatchNorm1d(4))
PENALTIES = Kind(
    st.sampled_from([None, tl.coral, tl.mmd]),
    functions(tl.coral).bad
    | st.sampled_from([nn.Identity(), nn.Sequential(), lambda: None, nn.CosineSimilarity(), int]),
)
WEIGHTS = Kind(numbers(1.0).good, numbers(1.0).bad | functions(tl.ramp(1.0), lambda progress: progress).bad)
REGULARISERS = functions(lambda: None, lambda: torch.ones((), requires_grad=True).square())
OPTIMIZERS = functions(lambda model: torch.optim.SGD(model.parameters(), lr=0.1))


def minimised(objective, modules, **settings):
    return loop.minimise(objective, modules, streams=[batches.Batches(domain(), 4)], **settings)


def domain(n: int = 12, **changed) -> tl.Domain:
    return replace(tl.Domain(tensor(n, 4), torch.arange(n) % 3, ("a", "b", "c"), "rows"), **changed)


def with_optimizer(model, optimizer):
    return tl.fit(model, domain(), optimizer=optimizer(model) if callable(optimizer) else optimizer, steps=1)


def square(prepared: list[nn.Module], device: torch.device, progress: float) -> dict[str, Tensor]:
    return {"loss": sum(p.square().sum() for p in prepared[0].parameters())}


TRAINING = {
    "train.fit": Attack(
        tl.fit,
        (MODELS, domains(), domains()),
        {
            "penalty": PENALTIES,
            "weight": WEIGHTS,
            "steps": STEPS,
            "batch_size": SIZES,
            "lr": RATES,
            "seed": numbers(0, 3),
        },
        changes=(0,),
        examples=60,
    ),
    "train.fit functions": Attack(
        tl.fit,
        (values([classifier()]), domains()),
        {
            "regulariser": Kind(
                st.sampled_from([None, lambda: torch.ones((), requires_grad=True) * 2]), REGULARISERS.bad
            ),
            "augment": AUGMENTS,
            "after_epoch": functions(lambda model: None),
            "epochs": STEPS,
        },
        changes=(0,),
        examples=40,
    ),
    "train.fit optimizer": Attack(
        like(tl.fit, with_optimizer), (Kind(models().good, models().good), OPTIMIZERS), changes=(0,)
    ),
    "train.fit checkpoint": Attack(
        in_a_folder(tl.fit),
        (MODELS, domains()),
        {"steps": STEPS, "checkpoint": values(["run.pt", Path("new/run.pt"), None], ODD_PATHS)},
        changes=(0,),
        examples=30,
    ),
    "train.task_loss": Attack(train.task_loss, (tensors(6, 3), class_numbers(6, 3)), finite=False),
    "train.task_loss values": Attack(train.task_loss, (tensors(6, 3), tensors(6, 3)), finite=False),
    "train.ramp": Attack(like(tl.ramp, lambda peak: [tl.ramp(peak)(p) for p in (0.0, 0.3, 1.0)]), (numbers(1.0, 0),)),
    "train.outputs": Attack(train.outputs, (MODELS, tensors(6, 4)), {"batch_size": numbers(2, 100)}, examples=30),
    "train.predict": Attack(tl.predict, (MODELS, tensors(6, 4)), {"batch_size": numbers(2, 100)}, examples=30),
    "train.accuracy": Attack(tl.accuracy, (MODELS, domains())),
    "trainable.check_settings": Attack(trainable.check_settings, (), {"lr": RATES}),
    "trainable.check_trainable": Attack(trainable.check_trainable, (domains(), domains(), PENALTIES)),
    "trainable.check_model": Attack(trainable.check_model, (MODELS,)),
    "trainable.check_optimizer": Attack(
        like(trainable.check_optimizer, lambda given, modules: trainable.check_optimizer(given, modules)),
        (values([None, torch.optim.SGD(nn.Linear(1, 1).parameters())]), values([[classifier()]], [[nn.Identity()]])),
    ),
    "trainable.check_takes": Attack(
        trainable.check_takes, (names("after_epoch"), values([len, lambda x: x], [lambda: None, dict.get]), tensors(2))
    ),
    "trainable.view_of": Attack(trainable.view_of, (Kind(tensors(4, 3).good, tensors(4, 3).good), AUGMENTS)),
    "loop.minimise": Attack(
        like(loop.minimise, minimised),
        (
            Kind(functions(square).good, functions(square).bad | st.sampled_from([lambda *_: {}, lambda *_: {"a": 1}])),
            values([[classifier()]], [[nn.Identity()], [nn.Linear(1, 1).requires_grad_(False)]]),
        ),
        {"steps": STEPS, "per_epoch": numbers(1, 3), "lr": RATES, "seed": numbers(0), "checkpoint": values([None])},
        changes=(1,),
        examples=30,
    ),
    "loop.check_weights": Attack(loop.check_weights, (values([[classifier()]]), numbers(1))),
    "loop.seeded": Attack(within(loop.seeded), (numbers(0, 3),)),
    "loop.training_mode": Attack(within(loop.training_mode), (MODELS,), changes=(0,)),
    "loop.evaluation_mode": Attack(within(loop.evaluation_mode), (MODELS,)),
}

# ---------------------------------------------------------------- batches, processes, checkpoints


def three_batches(*given):
    """Draw three times. Raises ValueError as `Batches` does."""
    drawn = batches.Batches(*given)
    return [(x[:], y) for (x, y), _ in zip(drawn, range(3), strict=False)]


def restored(state):
    return batches.Batches(domain(), 4).load_state_dict(state)


def taken_up(state):
    """Load a checkpoint of this content."""
    path = Path("run.pt")
    torch.save(state, path)
    return checkpoint.Checkpoint(path, {"model": "m"}).load([batches.Batches(domain(), 4)])


def written(parts, step, history, path):
    checkpoint.Checkpoint(path, {}).save(parts, step, history)


STATE = {"order": torch.randperm(12), "next": 4}
SAVED = {
    "version": 1,
    "run": {"model": "m"},
    "step": 3,
    "history": [{"source": 1.0}],
    "parts": [STATE],
    "random": [torch.get_rng_state()],
}
ODD_STATES = (
    *({"order": torch.randperm(13), "next": 0}, {"order": torch.zeros(12), "next": 0}, STATE | {"next": 99}),
    *({"order": torch.zeros(()), "next": 0}, {"order": torch.zeros(12, dtype=torch.long), "next": 0}, {"next": 1}),
    *(
        STATE | {"next": -1},
        STATE | {"next": None},
        STATE | {"order": torch.randperm(12).double()},
        {"order": [0], "next": 0},
    ),
)
ODD_SAVED = (
    *({key: value for key, value in SAVED.items() if key != left_out} for left_out in SAVED),
    *(SAVED | {key: odd} for key in SAVED for odd in (None, [], {}, "text", [torch.zeros(3)])),
    *(SAVED | {"parts": [state]} for state in ODD_STATES),
)
MODULES = values([[classifier()], (nn.Dropout(), nn.BatchNorm1d(2)), []])

RUNS = {
    "batches.Batches": Attack(three_batches, (domains(), numbers(3, 100))),
    "batches.Batches.load_state_dict": Attack(
        like(batches.Batches.load_state_dict, restored), (values([STATE], ODD_STATES),), examples=40
    ),
    "parallel.join": Attack(parallel.join),
    "parallel.processes": Attack(parallel.processes),
    "parallel.is_first": Attack(parallel.is_first),
    "parallel.from_first": Attack(parallel.from_first, (tensors(2, 3),), finite=False),
    "parallel.forward": Attack(parallel.forward, (MODELS, tensors(6, 4)), finite=False, changes=(0,)),
    "parallel.add_up": Attack(parallel.add_up, (tensors(6, 4),), finite=False),
    "parallel.warn_of_dropout": Attack(parallel.warn_of_dropout, (MODULES,)),
    "parallel.global_batchnorm": Attack(within(parallel.global_batchnorm), (MODULES,)),
    "checkpoint.Checkpoint": Attack(
        in_a_folder(checkpoint.Checkpoint),
        (values([Path("run.pt")], tuple(map(Path, ODD_PATHS))), values([{"a": "b"}])),
    ),
    "checkpoint.Checkpoint.save": Attack(
        in_a_folder(like(checkpoint.Checkpoint.save, written)),
        (
            values([[batches.Batches(domain(), 4)]]),
            numbers(1),
            values([[{"a": 1.0}]]),
            values([Path("run.pt"), Path("new/run.pt")], (Path("file/run.pt"),)),
        ),
        changes=(0,),
    ),
    "checkpoint.Checkpoint.load": Attack(
        in_a_folder(like(checkpoint.Checkpoint.load, taken_up)), (values([SAVED], ODD_SAVED),), examples=60
    ),
    "checkpoint.identity": Attack(
        checkpoint.identity, (MODULES, Kind(domains().good.map(lambda d: [d]), domains().bad))
    ),
}

# ---------------------------------------------------------------- other ways of training

TEXTS = ["one", "two three", "red", "seen"]
STUDENTS = Kind(st.builds(Letters), networks(Letters(2), nn.Identity(), Pair((4, 3))).bad)
TEXT_LISTS = values(
    [TEXTS, tuple(TEXTS)], (TEXTS[:1], [*TEXTS[:3], ""], [*TEXTS[:3], "\ud800"], [*TEXTS[:3], None], TEXTS * 3)
)


def blocky() -> tl.Classifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return tl.Classifier(tl.DigitNet(2), 3)


class Bare(nn.Module):
    """An encoder without weights."""

    dim = 4
    blocks = ()

    def forward(self, x: Tensor) -> Tensor:
        return x


TUNED = Kind(
    st.builds(blocky), st.sampled_from([classifier(), tl.Classifier(Bare(), 3), tl.DigitNet(2)]) | models().bad
)
PICTURES = Kind(
    st.integers(0, 2).map(lambda seed: domain(x=tensor(12, 1, 8, 8, seed=seed).sigmoid())),
    domains().bad,
)


def lora(model, rank):
    return tl.add_lora(model, rank).merge_and_unload()


def pull(*given):
    return tl.L2SP(*given)()


def projected(encoder, dim, x):
    return tl.Projected(encoder, dim)(x)


TUNING = {
    "distill.distill": Attack(
        tl.distill,
        (STUDENTS, TEXT_LISTS, tensors(4, 3)),
        {"steps": STEPS, "batch_size": SIZES, "lr": RATES, "seed": numbers(0)},
        changes=(0,),
        examples=40,
    ),
    "distill.distill epochs": Attack(
        tl.distill, (values([Letters()]), TEXT_LISTS, tensors(4, 3)), {"epochs": STEPS}, changes=(0,)
    ),
    "distill.retrieval_accuracy": Attack(tl.retrieval_accuracy, (tensors(6, 3), tensors(6, 3)), examples=40),
    "selfsup.Projected": Attack(
        like(tl.Projected, projected),
        (Kind(st.builds(Encoder), models().bad | st.sampled_from([Bare()])), numbers(3, 8), tensors(6, 4)),
        finite=False,
    ),
    "selfsup.contrastive_loss": Attack(
        tl.contrastive_loss, (tensors(6, 3), tensors(6, 3), numbers(0.2, 1)), finite=False, examples=40
    ),
    "selfsup.fit_unlabelled": Attack(
        tl.fit_unlabelled,
        (Kind(st.builds(lambda: tl.Projected(Encoder())), MODELS.bad), domains(), AUGMENTS),
        {"loss": LOSSES, "steps": STEPS, "batch_size": SIZES, "lr": RATES, "seed": numbers(0)},
        changes=(0,),
        examples=40,
    ),
    "finetune.freeze": Attack(tl.freeze, (MODELS,), changes=(0,)),
    "finetune.unfreeze": Attack(tl.unfreeze, (TUNED, numbers(0, 4)), changes=(0,)),
    "finetune.fit_gradually": Attack(
        tl.fit_gradually, (TUNED, PICTURES), {"steps": STEPS, "lr": RATES}, changes=(0,), examples=15
    ),
    "finetune.layerwise_rates": Attack(tl.layerwise_rates, (TUNED, RATES, numbers(0.5, 1))),
    "finetune.L2SP": Attack(like(tl.L2SP, pull), (TUNED, numbers(0.1), numbers(0, 0.1)), finite=False),
    "finetune.add_lora": Attack(like(tl.add_lora, lora), (TUNED, numbers(1, 3)), changes=(0,), examples=10),
}

# ---------------------------------------------------------------- features


def pictures(n: int = 3, seed: int = 0) -> Tensor:
    return tensor(n, 1, 8, 8, seed=seed).sigmoid()


def probed(rows, labels, **settings):
    """Fit a probe and ask it."""
    probe = tl.linear_probe(rows, labels, **settings)
    return probe[-1].coef_, probe.predict_proba(np.zeros((1, probe.n_features_in_)))


def layered(mean, scale):
    return features.as_linear_layer(regression(), mean, scale)


@cache
def regression():
    return tl.linear_probe(tensor(6, 3), torch.arange(6) % 2)[-1]


IMAGES = Kind(
    st.integers(0, 2).map(lambda seed: pictures(seed=seed)),
    tensors(3, 1, 8, 8).bad | st.sampled_from([pictures()[:, :, :4], pictures().double(), pictures().half(), TEXTS]),
)
ENCODERS = Kind(
    st.builds(lambda: tl.DigitNet(2).eval()), st.sampled_from([Pair((3, 2)), nn.Flatten(), Letters()]) | MODELS.bad
)
FEATURES = {
    "features.extract_features": Attack(
        tl.extract_features,
        (ENCODERS, IMAGES),
        {"batch_size": numbers(1, 100), "cache": flags(), "allow_bfloat16": flags()},
        examples=60,
    ),
    "features.check_images": Attack(features.check_images, (ENCODERS, IMAGES), examples=40),
    "features.computes_bfloat16": Attack(
        features.computes_bfloat16, (values([torch.device("cpu")], [torch.device("meta")]),)
    ),
    "features.linear_probe": Attack(
        like(tl.linear_probe, probed),
        (tensors(6, 3), class_numbers(6, 2)),
        {"weights": Kind(st.sampled_from([None, torch.ones(6)]), tensors(6).bad), "regularisation": numbers(1, 0.1)},
        examples=60,
    ),
    "features.probe_scores": Attack(
        features.probe_scores,
        (domains(), domains(), values([[1, 2], (2,)], [[0], [2**70], [99], [1.5], [-1]]), numbers(0)),
    ),
    "features.as_linear_layer": Attack(
        like(features.as_linear_layer, layered),
        (tensors(3), Kind(st.just(torch.ones(3)), tensors(3).bad | st.sampled_from([np.zeros(3), -np.ones(3)]))),
    ),
    "features.as_linear_layer regression": Attack(
        features.as_linear_layer, (Kind(st.builds(regression), MODELS.bad), values([np.zeros(3)]), values([np.ones(3)]))
    ),
}

# ---------------------------------------------------------------- what is kept on disk

ODD_BLOCKS = (
    *([np.zeros((2, 3))], [np.zeros(3, np.float32)], [np.zeros((9, 3), np.float32)], [np.zeros((2, 0), np.float32)]),
    *([np.zeros((3, 3), np.float32), np.zeros((3, 2), np.float32)], ["text"], [None], [[[1.0]]], [tensor(6, 3)]),
)
GOOD_BLOCKS = [np.zeros((4, 3), np.float32), np.ones((2, 3), np.float32)]
BLOCKS = values([GOOD_BLOCKS], ODD_BLOCKS)
COMPUTES = Kind(
    st.just(lambda first: iter(GOOD_BLOCKS)),
    functions(iter).bad | st.sampled_from([lambda first, odd=odd: iter(odd) for odd in ODD_BLOCKS]),
)


def with_a_cache(function: Callable) -> Callable:
    """Return the function with an empty cache, in an empty folder."""

    def cached(*arguments, **named):
        with mock.patch.dict(os.environ, TLUTILS_CACHE=str(Path.cwd() / "cache")):
            return function(*arguments, **named)

    return in_a_folder(like(function, cached))


KEPT = {
    "cache.cached_rows": Attack(with_a_cache(kept.cached_rows), (names("hostile"), numbers(6), COMPUTES), examples=40),
    "cache.joined": Attack(kept.joined, (numbers(6), BLOCKS), examples=30),
}

# ---------------------------------------------------------------- a reader's own data

PIXELS, WORDS = own_model.View("raw pixels", None), own_model.View("bag of words", None)
LETTERS = tl.Domain(
    [f"{'good' if n % 2 else 'bad'} film {n}" for n in range(12)], torch.arange(12) % 2, ("a", "b"), "films"
)
FOLDS = [(torch.arange(6), torch.arange(6, 12)), (torch.arange(6, 12), torch.arange(6))]
Y = torch.arange(12) % 3
TABLE, SPARSE = tensor(12, 4), csr_matrix(tensor(12, 4).numpy())
TABLES = Kind(tensors(12, 4).good | st.just(SPARSE), tensors(12, 4).bad | st.sampled_from([SPARSE[:5], SPARSE[:, :2]]))
ODD_FOLDS = ([], [(Y, Y)], [FOLDS[0], (Y[:0], Y)], [(Y + 20, Y)], [(Y.float(), Y)], [Y], [(Y, Y, Y)], FOLDS * 2)
FOLDINGS = values([FOLDS], ODD_FOLDS)
VIEWS = values([PIXELS, own_model.View("rows", Encoder())], [WORDS])


@cache
def layer(width: int = 256, classes: int = 3) -> own_linear.Linear:
    return own_linear.Linear(tensor(classes, width), tensor(classes))


def model_of(size: int | None = 8) -> own_model.OwnModel:
    linear = layer() if size else layer(own_model.WORDS)
    return own_model.OwnModel(PIXELS if size else WORDS, linear, ("a", "b", "c"), size)


def answered(size, given):
    return model_of(size).answer(given)


def saved(size, folder, about):
    return model_of(size).save(folder, about)


def asked(learner):
    """Train what a way of learning returns, and ask it. Raises as `probe` does."""
    if isinstance(learner, learners.Learner):
        return learner.probabilities, learner.train(torch.arange(6)).linear
    return learner


def card(changes: object) -> object:
    """Save a model, change its card, load it again."""
    model_of().save(Path("folder"), {})
    path = Path("folder/card.json")
    if callable(changes):
        changes(path)
    else:
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return tl.load_model("folder").probabilities(pictures())


ODD_CARDS = (
    *(
        {key: odd}
        for key in ("version", "view", "classes", "size", "tuned", "fingerprint")
        for odd in (None, 7, [], {}, True, "x")
    ),
    *({"classes": ["a"]}, {"classes": [1, 2, 3]}, {"size": 10**9}, {"size": -1}, {"view": "photos"}, {"view": "../x"}),
    *({"view": "bag of words", "size": None}, {"view": "glyphs"}, {"view": "glyphs", "tuned": True}, {"size": None}),
    *(
        lambda path: path.write_bytes(b"\xff"),
        lambda path: path.write_text("[" * 10**5),
        lambda path: path.write_text("[]"),
    ),
    *(lambda path: path.unlink(), lambda path: path.with_name("model.safetensors").write_bytes(b"\0" * 99)),
    *(
        lambda path: path.with_name("model.safetensors").unlink(),
        lambda path: path.write_text('{"size": ' + "9" * 9999),
    ),
)
OWN = {
    "own_model.view": Attack(own_model.view, (names("raw pixels", "bag of words"), flags())),
    "own_model.View.table": Attack(like(own_model.View.table, lambda x: PIXELS.table(x)), (IMAGES,)),
    "own_model.View.table words": Attack(like(own_model.View.table, lambda x: WORDS.table(x).toarray()), (TEXT_LISTS,)),
    "own_model.View.table encoder": Attack(
        like(own_model.View.table, lambda encoder, x: own_model.View("rows", encoder).table(x)), (ENCODERS, IMAGES)
    ),
    "own_linear.rows_of": Attack(own_linear.rows_of, (TABLES, class_numbers(6, 12))),
    "own_linear.check_table": Attack(own_linear.check_table, (TABLES, numbers(4))),
    "own_linear.Linear": Attack(own_linear.Linear, (tensors(3, 4), tensors(3))),
    "own_linear.Linear.forward": Attack(like(own_linear.Linear, lambda table: layer(4)(table)), (TABLES,), examples=40),
    "own_linear.Linear.fitted": Attack(
        own_linear.Linear.fitted, (TABLES, class_numbers(12, 3), numbers(3, 4)), examples=60
    ),
    "own_model.OwnModel.probabilities": Attack(
        like(own_model.OwnModel.probabilities, lambda x: model_of().probabilities(x)), (IMAGES,)
    ),
    "own_model.OwnModel.answer": Attack(
        in_a_folder(like(own_model.OwnModel.answer, answered)),
        (Kind(st.sampled_from([8, None]), st.sampled_from([8, None])), TEXT_LISTS),
    ),
    "own_model.OwnModel.save": Attack(
        in_a_folder(like(own_model.OwnModel.save, saved)),
        (
            Kind(st.sampled_from([8, None]), st.sampled_from([8, None])),
            values([Path("folder")], [Path("file"), Path("missing"), Path("no\0name")]),
            values([{"a": 1}], [{"a": len}, {"a": float("nan")}, {(1, 2): 3}]),
        ),
    ),
    "own_model.load_model": Attack(in_a_folder(tl.load_model), (values(["folder"], ODD_PATHS),)),
    "own_model.load_model card": Attack(
        in_a_folder(like(tl.load_model, card)), (Kind(st.just({}), st.sampled_from(ODD_CARDS)),), examples=50
    ),
    "learners.folds_of": Attack(learners.folds_of, (class_numbers(12, 3), class_numbers(12, 12), numbers(0, 1))),
    "learners.probe": Attack(
        like(learners.probe, lambda *given: asked(learners.probe(*given))),
        (VIEWS, TABLES, domains(), FOLDINGS),
        examples=40,
    ),
    "learners.self_trained": Attack(
        like(learners.self_trained, lambda *given: asked(learners.self_trained(*given))),
        (VIEWS, tensors(12, 4), domains(), tensors(5, 4), FOLDINGS),
        examples=40,
    ),
    "learners.fine_tuned": Attack(
        learners.fine_tuned,
        (
            values([own_model.View("glyphs", tl.DigitNet(1))], [PIXELS]),
            PICTURES,
            FOLDINGS,
            numbers(0),
            numbers(1e-9),
        ),
        examples=8,
        finite=False,
    ),
    "learners.fine_tuned no time": Attack(
        learners.fine_tuned, (VIEWS, PICTURES, FOLDINGS, numbers(0), values([0, -1, 0.0])), finite=False
    ),
}

# ---------------------------------------------------------------- what was found


def learner(rows: int = 12) -> learners.Learner:
    return learners.Learner("probe", "raw pixels", tensor(rows, 3).softmax(1), 0.1, lambda rows: model_of())


def told(method: str, *given):
    guard = Guarded("probe", {"probe": 0.5}, 0, 0)
    places = tuple(map(str, range(12)))
    report = findings.Findings(domain(), places, (), 0, {}, {}, (learner(),), {}, guard, {}, model_of())
    return getattr(report, method)(*given)


LEARNERS = Kind(st.builds(learner), st.sampled_from([learner(5)]) | MODELS.bad)
FOUND = {
    "findings.Share": Attack(
        like(findings.Share, lambda *given: ((share := findings.Share(*given)).value, share.interval)),
        (numbers(0, 3), numbers(3, 7)),
        examples=40,
    ),
    **{
        f"findings.Findings.{method}": Attack(
            like(getattr(findings.Findings, method), partial(told, method)), (LEARNERS,)
        )
        for method in ("accuracy", "balanced")
    },
    "findings.Findings.mistakes": Attack(
        like(findings.Findings.mistakes, partial(told, "mistakes")), (numbers(0, 3, 100),)
    ),
}

ATTACKS = TRAINING | RUNS | TUNING | FEATURES | KEPT | OWN | FOUND
EXEMPT = {
    **{
        f"batches.{name}": "called at every step with what `Batches` drew"
        for name in ("Drawn", "Drawn.to", "in_a_row", "on", "Batches.begin_pass", "Batches.state_dict")
    },
    **{
        f"loop.{name}": "called by `minimise` alone: with Accelerate's handle, or at every step with its own terms"
        for name in ("prepare", "check_shards", "check_terms", "check_gradients", "record", "given_back")
    },
    "parallel.same_random_stream": "called by `minimise` alone, at every step",
    "trainable.check_pair": "called by `fit` at every step, with what its model gave",
    "trainable.working": "wraps the calls of a reader's functions, which the attacks on `fit` try",
    "checkpoint.Stateful": "a protocol",
    "learners.Learner": "made by the functions of its module alone",
    "own_model.View": "two fields; its method is attacked",
    "own_model.OwnModel": "fields of `load_model` and of the learners; its methods are attacked",
    "findings.Findings": "fields of `advise`; its methods are attacked",
}
