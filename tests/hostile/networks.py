"""Attacks on the networks, the encoders of images and texts, the words of another language, and the driving worlds."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cache, partial, wraps
from pathlib import Path

import numpy as np
import torch
from hostile.kit import (
    WRONG,
    Attack,
    Encoder,
    Kind,
    flags,
    functions,
    names,
    numbers,
    one_of,
    tensors,
    values,
)
from hypothesis import strategies as st
from torch import Tensor, nn

import tlutils as tl
from tlutils import (
    camera,
    closed_loop,
    encoders,
    expert,
    film,
    fingerprint,
    gloss,
    lexicon,
    nets,
    parallel_demo,
    simulator,
    student,
    text_blocks,
    text_encoders,
    texts,
    torchvision_models,
    weights,
    wordwise,
    worlds,
)

# ---------------------------------------------------------------- how some are called


def like(documented: Callable, function: Callable) -> Callable:
    """Return a function that promises what another one's docstring does."""
    return wraps(documented, assigned=("__module__", "__doc__"), updated=())(function)


def to_the_end(generator: Callable) -> Callable:
    """Return the function that takes all a generator gives."""
    return like(generator, lambda *args, **kwargs: list(generator(*args, **kwargs)))


def within(manager: Callable) -> Callable:
    """Return the function that enters a context, runs nothing and leaves it."""

    def entered(*args):
        with manager(*args):
            pass

    return like(manager, entered)


def of(owner: Callable, method: Callable) -> Callable:
    """Return a method of an object that is built at the first call."""
    return like(method, lambda *args, **kwargs: method(owner(), *args, **kwargs))


def unseen(function: Callable) -> Callable:
    """Return the function without what it prints."""

    def quiet(*args, **kwargs):
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            return function(*args, **kwargs)

    return like(function, quiet)


# ---------------------------------------------------------------- networks


def built(kind: type[nn.Module]) -> Callable:
    """Return the function that builds a network of some settings and runs it once, in training."""
    return like(kind, lambda x, *settings: kind(*settings)(x))


def of_another_width() -> nn.Module:
    """Build a classifier whose encoder returns another width than it says."""
    model = nets.Classifier(nets.DigitNet(4), 3)
    model.head = nn.Linear(3, 3)
    return model


@cache
def torchvision_encoder() -> nn.Module:
    return torchvision_models.TorchvisionEncoder("squeezenet1_1").eval()


squeezenet = like(torchvision_models.TorchvisionEncoder, lambda x: torchvision_encoder()(x))
IMAGES = tensors(3, 1, 8, 8)
FRAMES = tensors(2, 3, 36, 64)
PHOTOS = tensors(2, 3, 8, 8)
WEIGHTS = Kind(
    st.builds(lambda: dict(nn.Linear(2, 3).state_dict())),
    one_of(
        {},
        {"weight": torch.zeros(3, 2)},
        {"weight": torch.zeros(3, 2), "bias": torch.zeros(4)},
        {"weight": torch.zeros(3, 2).to("meta"), "bias": torch.zeros(3)},
        {"weight": torch.zeros(3, 2).to_sparse(), "bias": torch.zeros(3)},
        {"weight": 1, "bias": None},
        {1: torch.zeros(3, 2)},
        {"weight": torch.zeros(3, 2), "bias": torch.zeros(3), "more": torch.zeros(1)},
    )
    | WRONG,
)

# ---------------------------------------------------------------- texts

SENTENCES = ["很好，不错。", "A fine film", "房间很干净 Ab"]
ODD_TEXTS = (
    ["a", None],
    ["a", ""],
    ["a", " \n"],
    ["\x00"],
    ["\ud83d"],
    ["x" * 10_000],
    [b"x"],
    [math.nan],
    [[]],
    ("a", "b"),
)
TEXTS = values([SENTENCES, SENTENCES[:1], ["不 好"]], ODD_TEXTS)
TEXT = values(SENTENCES, ["", "\x00", "\ud83d", "ﷺ" * 50, "İ", "á" * 3, " \u3000\n", "👩‍👩‍👧"])
ODD_ROWS = (
    [[1], []],
    [[0.5]],
    [["a"]],
    [[2**40]],
    [[2**70]],
    [[-1]],
    [1, 2],
    [[[1]]],
    [[True]],
    [None],
    "ab",
    [[1, None]],
)
ROWS = values([[[1, 2], [3]], [[0]], [(2,), [1, 1, 1]]], ODD_ROWS)


@cache
def character_student() -> nn.Module:
    torch.manual_seed(0)
    return student.CharacterStudent(student.common_grams(SENTENCES, at_least=1), 6, width=4, hidden=5).eval()


@cache
def tiny_bert() -> tuple[nn.Module, object]:
    """Return a very small transformer of MiniLM's kind, and its tokeniser."""
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    folder = text_encoders._package_folder()
    config = AutoConfig.from_pretrained(folder)
    config.hidden_size, config.num_hidden_layers, config.intermediate_size = 12, 2, 24
    torch.manual_seed(0)
    return AutoModel.from_config(config).eval(), AutoTokenizer.from_pretrained(folder)


@cache
def transformer() -> texts.TransformerEncoder:
    return texts.TransformerEncoder(*tiny_bert(), 16).eval()


def built_transformer(network, tokenizer, limit):
    """Build an encoder of a model and a tokeniser; the good ones are made here, since building changes them."""
    network = network() if network is good_network else network
    tokenizer = tokenizer() if tokenizer is good_tokenizer else tokenizer
    return texts.TransformerEncoder(network, tokenizer, limit)


def good_network() -> nn.Module:
    return tiny_bert()[0]


def good_tokenizer() -> object:
    return tiny_bert()[1]


ENCODERS = Kind(
    st.builds(character_student), one_of(texts.TextEncoder(), nn.Identity(), Encoder(), texts.TextEncoder) | WRONG
)
ENTRIES = values(
    [{"房": ["house"], "书": ["book", "letter"], "绿": ["green"]}, {"好": ("good",)}, {}],
    [{1: ["a"]}, {"a": 1}, {"a": "b"}, {"a": [1]}, {"a": None}, {"": [""]}, {"房" * 100: ["to (be)"]}],
)
ENGLISH = values([["house", "book"], ["a green house"] * 2], [["a"], [1, 2], [None, "a"], ["", ""]])
CHINESE = values([["房", "书"], ["绿房"] * 2], [["a"], [1, 2], [None, "a"], ["", ""]])
CUT = values(
    [[["house"], ["a", "book"]], [["house"], []]], [[["a"]], [["a"], "b"], [[1], ["a"]], [[], []], [["a"], [[]]]]
)
WORDS = values([{"不好", "好"}, {"不好": "bad"}, ["好", "不好"], set()], [{1}, [None], [[1]], {(): 1}, ["a" * 10_000]])


def translated(text, entries, english, chinese, seed=0):
    """Learn to translate, and translate once."""
    return wordwise.WordByWord(entries, english, chinese, seed)(text)


# ---------------------------------------------------------------- driving

SENSOR = {name: worlds.LIMITS[name] for name in ("blur", "gain", "vignette", "noise")}


@partial(like, worlds.World)
def sensed(**sensor: float) -> Tensor:
    return worlds.sense(torch.rand(1, 3, 6, 8), replace(worlds.SIM, **sensor), 0)


def blind(run) -> float:
    return 0.0


def circling(run) -> float:
    return 1.0


class Constant(nn.Module):
    """A policy that always answers the same."""

    def __init__(self, *answer: float) -> None:
        super().__init__()
        self.answer = nn.Parameter(torch.tensor(answer))

    def forward(self, x: Tensor) -> Tensor:
        return self.answer.expand(len(x), -1)


@cache
def run() -> simulator.Simulator:
    return simulator.Simulator(worlds.SIM, 0)


WORLDS = Kind(one_of(worlds.SIM, worlds.ROAD), one_of(replace(worlds.SIM, gain=0.0), worlds.World) | WRONG)
TRACK = values([0, 3], [-1, 1_000_000, 2.0, np.int64(1)])
TRACKS = values([[0, 1], range(2), (3, 0)], [[0], [], [0, -1], [0, "a"], [0, 1.5], [0, 2**70], [True, 0], "01"])
POLICIES = Kind(
    one_of(Constant(0.0), Constant(0.0, 1.0)),
    one_of(Constant(), Constant(math.nan), Constant(math.inf), Constant(1e30), nn.Identity(), nn.Linear(2, 2), Constant)
    | WRONG,
)
DRIVERS = functions(blind)
LIKE_POLICIES = Kind(one_of(Constant(0.0), blind), POLICIES.bad | DRIVERS.bad)
ALONE = Kind(one_of(1), one_of(0, -2, 1.5, "1", None, -(2**70), math.nan))  # others start processes
RUN = Kind(st.builds(run), one_of(simulator.Simulator, worlds.SIM) | WRONG)
OWN = (RuntimeError,)  # of a model that cannot read frames

SQUARES = np.array([[[-6, 10], [6, 10], [6, 40], [-6, 40]]] * 3, dtype=float)
CIRCLE = np.stack([np.cos(np.arange(8)), np.sin(np.arange(8))], 1) * 30


@np.errstate(all="ignore")
def arrays(*good: np.ndarray, bad=()) -> Kind:
    """Return arrays, and what is odd about them."""
    x = good[0]
    odd = [x[:0], x[:1], x[..., :0], x[None], x * np.nan, x * np.inf, x * 1e30, x * 1e308, x * 0, -x, x[::-1]]
    odd += [x.astype(kind) for kind in (np.float16, bool, object, complex, str)]
    return values(good, [*odd, x.tolist(), torch.from_numpy(x), *bad])


def colour(*wrong) -> Kind:
    return values([(1, 2, 3), (0, 0, 255)], [(1, 2), (1, 2, 300), (-1, 0, 0), (1.5, 0, 0), "red", [1, 2, 3], *wrong])


# ---------------------------------------------------------------- files

KEPT = tempfile.TemporaryDirectory(prefix="hostile-")
FOLDER = Path(KEPT.name)
torch.save({"state_dict": nn.Linear(2, 3).state_dict()}, FOLDER / "good.pth")
torch.save({"weights": Path("code")}, FOLDER / "code.pth")
torch.save([1, 2], FOLDER / "list.pth")
(FOLDER / "empty.pth").touch()
(FOLDER / "damaged.safetensors").write_bytes(b"\xff" * 64)
BAD_FILES = [FOLDER / name for name in ("nosuch.pth", "code.pth", "list.pth", "empty.pth", "damaged.safetensors", "")]
FILES = values([FOLDER / "good.pth", str(FOLDER / "good.pth")], [*BAD_FILES, "\0", "x" * 5000])
NO_PROCESSES = one_of(0, -1, 65, 2**70, math.nan, "1", None, 1.5)  # what starts none
ODD_NAMES = st.text(max_size=9) | one_of("../x", "a/b", "a/b@c", "owner/name@" + "0" * 39, "x" * 5000, "\0", ".")

ATTACKS = {
    # networks
    "nets.Classifier": Attack(
        nets.Classifier,
        (
            values([Encoder(), nets.DigitNet(4)], [nn.Identity(), nn.Linear(2, 2)]),
            values([3, ("a", "b")], [(), [1, 2], ("a",)]),
        ),
    ),
    "nets.Classifier.forward": Attack(nets.Classifier(nets.DigitNet(4), 3), (IMAGES, flags()), finite=False),
    "nets.Classifier.forward other width": Attack(of_another_width(), (IMAGES,)),
    "nets.DigitNet": Attack(built(nets.DigitNet), (IMAGES, numbers(4, 1)), finite=False),
    "nets.DigitNet.forward": Attack(nets.DigitNet(4).eval(), (IMAGES,), finite=False),
    "nets.GlyphNet": Attack(built(nets.GlyphNet), (IMAGES,), finite=False),
    "nets.GlyphNet.forward": Attack(nets.GlyphNet().eval(), (tensors(2, 1, 20, 16),), finite=False),
    "nets.DrivingNet": Attack(built(nets.DrivingNet), (FRAMES,), finite=False),
    "nets.DrivingNet.forward": Attack(nets.DrivingNet().eval(), (FRAMES,), finite=False),
    "nets.CifarResNet": Attack(built(nets.CifarResNet), (PHOTOS, numbers(8)), finite=False),
    "nets.CifarResNet.forward": Attack(nets.CifarResNet(8).eval(), (PHOTOS,), finite=False),
    "nets.CifarResNet.forward tiny": Attack(built(nets.CifarResNet), (tensors(1, 3, 4, 5), numbers(8)), finite=False),
    "torchvision_models.TorchvisionEncoder": Attack(
        torchvision_models.TorchvisionEncoder, (names("squeezenet1_1", "mobilenet_v3_small"),)
    ),
    "torchvision_models.TorchvisionEncoder.forward": Attack(
        squeezenet, (tensors(2, 3, 40, 40),), finite=False, examples=12
    ),
    "torchvision_models.torchvision_names": Attack(torchvision_models.torchvision_names),
    "torchvision_models.imagenet_weights": Attack(
        torchvision_models.imagenet_weights, (Kind(ODD_NAMES, ODD_NAMES | WRONG),)
    ),
    "encoders.image_encoder": Attack(
        tl.image_encoder,
        (names("photos", "untrained", "glyphs"),),
        {"pretrained": flags(), "weights": Kind(one_of(None), FILES.good | FILES.bad)},
    ),
    "encoders.model_card": Attack(tl.model_card, (names("photos", "chinese-student"),)),
    "encoders.encoder_file": Attack(encoders.encoder_file, (names("photos", "glyphs"),)),
    "encoders.embedded_file": Attack(encoders.embedded_file, (names("photos", "chinese-student"),)),
    "weights.read_weights": Attack(weights.read_weights, (FILES,)),
    "weights.load_weights": Attack(
        weights.load_weights,
        (
            Kind(st.builds(lambda: nn.Linear(2, 3)), one_of(nn.Linear(3, 2), nn.Identity(), nn.Linear) | WRONG),
            WEIGHTS,
            values(["some file", Path("x")]),
            values([(), ("head.",), ["head."]], ["head.", ("bias",), (1,), ("",)]),
        ),
        changes=(0,),
    ),
    "fingerprint.fingerprint": Attack(
        fingerprint.fingerprint,
        (
            values(
                [["a", b"b", torch.ones(2)], ("a",), iter("ab")],
                [[torch.ones(2).to("meta")], [torch.ones(2, 2).to_sparse()]],
            ),
        ),
    ),
    "fingerprint.fingerprint of tensors": Attack(
        like(fingerprint.fingerprint, lambda x: fingerprint.fingerprint([x])), (IMAGES,)
    ),
    "fingerprint.network_parts": Attack(
        to_the_end(fingerprint.network_parts),
        (values([nets.DigitNet(4), nn.Identity()], [nn.Linear, nn.Sequential()]),),
    ),
    # texts
    "texts.TextEncoder": Attack(like(texts.TextEncoder, lambda x: texts.TextEncoder()(x)), (TEXTS,)),
    "texts.TextEncoder.forward": Attack(like(texts.TextEncoder, lambda x: character_student()(x)), (TEXTS,)),
    "texts.TextEncoder.tokens": Attack(of(character_student, texts.TextEncoder.tokens), (TEXTS, numbers(0, 7))),
    "texts.TextEncoder.tokenise": Attack(texts.TextEncoder().tokenise, (TEXTS,)),
    "texts.TextEncoder.encode": Attack(texts.TextEncoder().encode, (ROWS,)),
    "texts.TransformerEncoder": Attack(
        like(texts.TransformerEncoder, built_transformer),
        (values([good_network]), values([good_tokenizer]), numbers(16)),
        examples=12,
    ),
    "texts.TransformerEncoder.forward": Attack(like(texts.TransformerEncoder, lambda x: transformer()(x)), (TEXTS,)),
    "texts.TransformerEncoder.tokenise": Attack(of(transformer, texts.TransformerEncoder.tokenise), (TEXTS,)),
    "texts.TransformerEncoder.encode": Attack(of(transformer, texts.TransformerEncoder.encode), (ROWS,)),
    "texts.TransformerEncoder.encode long": Attack(
        of(transformer, texts.TransformerEncoder.encode),
        (values([[[1] * 16]], [[[1] * 17], [[1] * 600], [range(16)]]),),
    ),
    "texts.TransformerEncoder.pooled": Attack(
        of(transformer, texts.TransformerEncoder.pooled),
        (
            Kind(
                one_of(torch.arange(8).reshape(2, 4)),
                tensors(2, 4).bad | one_of(torch.full((2, 4), 10**6), -torch.ones(2, 4).long()),
            ),
            Kind(one_of(torch.ones(2, 4).long()), tensors(2, 4).bad | one_of(torch.zeros(2, 4).long())),
        ),
    ),
    "texts.token_numbers": Attack(texts.token_numbers, (ROWS,)),
    "texts.check_known": Attack(
        texts.check_known, (values([torch.tensor([1, 2])], [torch.tensor([-1]), torch.tensor([9])]), numbers(3))
    ),
    "texts.check_texts": Attack(texts.check_texts, (TEXTS, numbers(0, 7))),
    "student.CharacterStudent": Attack(
        student.CharacterStudent,
        (
            Kind(
                one_of(torch.tensor([1, 5, 7])),
                tensors(3).bad | one_of(torch.tensor([2, 1]), torch.tensor([-1, 2**62])),
            ),
            numbers(6),
        ),
        {"width": numbers(4), "hidden": numbers(5)},
    ),
    "student.CharacterStudent.tokenise": Attack(of(character_student, student.CharacterStudent.tokenise), (TEXTS,)),
    "student.CharacterStudent.encode": Attack(of(character_student, student.CharacterStudent.encode), (ROWS,)),
    "student.common_grams": Attack(student.common_grams, (TEXTS, numbers(5, 100)), {"at_least": numbers(1, 2)}),
    "student.gram_numbers": Attack(student.gram_numbers, (TEXT,)),
    "text_blocks.text_blocks": Attack(
        to_the_end(text_blocks.text_blocks),
        (ENCODERS, TEXTS, numbers(2, 64), values([torch.device("cpu")], ["cpu", torch.device("meta")]), numbers(0, 1)),
    ),
    "text_blocks.quick_linears": Attack(
        within(text_blocks.quick_linears), (values([Encoder(), nn.Linear(2, 2).half()], [nn.Linear]),)
    ),
    "text_blocks.ahead": Attack(
        to_the_end(text_blocks.ahead),
        (functions(float), values([[1, 2], range(3), []], [["a"], [None]])),
        also=(TypeError, ValueError),
        finite=False,
    ),
    "text_blocks.check_rows": Attack(text_blocks.check_rows, (tensors(3, 2), numbers(3), names("texts"))),
    "text_encoders.text_encoder": Attack(
        tl.text_encoder, (Kind(one_of("chinese-student"), ODD_NAMES | WRONG),), {"pretrained": flags()}
    ),
    # the words of another language
    "gloss.glosses": Attack(gloss.glosses, (names("first", "frequent"),)),
    "gloss.segment": Attack(gloss.segment, (TEXT, WORDS)),
    "gloss.gloss": Attack(gloss.gloss, (TEXT, values([{"不好": "bad"}], [{}, {1: "a"}, {"a": 1}, {"": ""}]))),
    "lexicon.senses": Attack(
        lexicon.senses, (values([["dirty", "to be (fig.) filthy"], ()], [[1], [None], [""], [";" * 99, "(" * 99]]),)
    ),
    "lexicon.first_senses": Attack(lexicon.first_senses, (ENTRIES,)),
    "lexicon.frequent_senses": Attack(lexicon.frequent_senses, (ENTRIES, ENGLISH, CHINESE)),
    "lexicon.check_pairs": Attack(lexicon.check_pairs, (ENGLISH, CHINESE)),
    "lexicon.words": Attack(lexicon.words, (TEXT,)),
    "wordwise.aligned_words": Attack(wordwise.aligned_words, (CUT, CUT), {"rounds": numbers(1, 6)}),
    "wordwise.WordByWord": Attack(wordwise.WordByWord, (ENTRIES, ENGLISH, CHINESE), {"seed": numbers(0, 1)}),
    "wordwise.WordByWord.__call__": Attack(like(wordwise.WordByWord, translated), (TEXT, ENTRIES, ENGLISH, CHINESE)),
    "wordwise.base_forms": Attack(to_the_end(wordwise.base_forms), (TEXT,)),
    # driving
    "worlds.World": Attack(
        worlds.World,
        (names("here"),),
        {
            "road": colour(),
            "line": colour(None),
            "kerbs": flags(),
            "clockwise": flags(),
            "curvature": values([(0, 1)], [(1, 0), (0,), (0.5, math.nan)]),
        }
        | {name: numbers(high / 4) for name, (_, high) in worlds.LIMITS.items() if name != "delay"}
        | {"delay": numbers(0, 2)},
    ),
    "worlds.world": Attack(worlds.world, (names("sim", "road"),)),
    "worlds.sense": Attack(
        worlds.sense,
        (
            Kind(st.builds(lambda: torch.rand(2, 3, 6, 8)), tensors(2, 3, 6, 8).bad | one_of(torch.ones(1, 3, 1, 1))),
            WORLDS,
            numbers(0, 5),
        ),
    ),
    "worlds.sense with odd worlds": Attack(
        sensed, (), {name: Kind(one_of(0.5), st.floats(*limits)) for name, limits in SENSOR.items()}
    ),
    "camera.draw_view": Attack(
        camera.draw_view,
        (
            arrays(SQUARES),
            arrays(np.array([[1, 2, 3]] * 3), bad=(np.array([[1, 2, 300]] * 3),)),
            arrays(np.zeros(2), np.array([1e3, -5])),
            numbers(0.0, 3),
            WORLDS,
        ),
    ),
    "camera.road_polygons": Attack(
        camera.road_polygons,
        (arrays(CIRCLE), arrays(1.2 * CIRCLE), arrays(np.array([0, 1, 0, -1, 0, 0, 1, 1])), WORLDS),
    ),
    "simulator.Simulator": Attack(simulator.Simulator, (WORLDS, TRACK)),
    "simulator.Simulator.frame": Attack(of(run, simulator.Simulator.frame), (flags(),)),
    "simulator.Simulator.view": Attack(of(run, simulator.Simulator.view)),
    "simulator.Simulator.step": Attack(of(run, simulator.Simulator.step), (numbers(0, -1, 0.5),)),
    "simulator.speed_control": Attack(simulator.speed_control, (numbers(30.0), numbers(0, -1), WORLDS)),
    "simulator.drive": Attack(simulator.drive, (WORLDS, TRACK, DRIVERS)),
    "simulator.check_tracks": Attack(simulator.check_tracks, (TRACKS,)),
    "expert.pursue": Attack(expert.pursue, (RUN,)),
    "closed_loop.Policy": Attack(closed_loop.Policy, (POLICIES,)),
    "closed_loop.Policy.__call__": Attack(
        like(closed_loop.Policy, lambda model, run: closed_loop.Policy(model)(run)), (POLICIES, RUN), also=OWN
    ),
    "closed_loop.closed_loop": Attack(
        closed_loop.closed_loop, (LIKE_POLICIES, WORLDS, TRACKS), {"processes": ALONE}, also=OWN, examples=12
    ),
    "closed_loop.score": Attack(closed_loop.score, (DRIVERS, WORLDS, TRACK)),
    "closed_loop.corrections": Attack(
        closed_loop.corrections, (POLICIES, WORLDS, TRACKS), {"frames": numbers(1, 5)}, also=OWN, examples=8
    ),
    "film.film": Attack(
        film.film,
        (
            values(
                [{"blind": blind}, {"policy": Constant(0.0)}],
                [{}, {1: blind}, {"a": None}, {"a": lambda run: "text"}, {"a": Constant()}],
            ),
            WORLDS,
            TRACK,
        ),
        {"pictures": numbers(2)},
        also=OWN,
        examples=10,
    ),
    "film.show_film": Attack(unseen(film.show_film), (values([b"GIF89a", b""]), names("A car on its road."))),
    # one training in several processes
    "parallel_demo.training": Attack(
        parallel_demo.training,
        (values([torch.float64, torch.float32], [torch.float16, torch.int64]), numbers(2, 8)),
        examples=6,
    ),
    "parallel_demo.launch": Attack(parallel_demo.launch, (Kind(NO_PROCESSES, NO_PROCESSES),)),
    "parallel_demo.in_processes": Attack(
        parallel_demo.in_processes,
        (Kind(NO_PROCESSES, NO_PROCESSES), values([["-c", "pass"]], ["-c", [1]])),
        {"limit": numbers(1, 2.5)},
    ),
    "parallel_demo.losses": Attack(
        parallel_demo.losses,
        (
            values(
                [{"double": [{"task": 1.0}], "single": [{"task": 1.5}]}],
                [
                    {"double": []},
                    {"double": [{}], "single": []},
                    {"double": 1, "single": 2},
                    {"double": [{"a": "b"}], "single": [{}]},
                ],
            ),
        ),
    ),
}
EXEMPT = {
    "nets.check_pixels": "looks at what every forward gets",
    "lexicon.published_pairs": "reads no argument, and files of 100 MB",
    "lexicon.build": "reads no argument, and writes into the package",
    "parallel_demo.both_precisions": "reads no argument: training() twice",
    "parallel_demo.main": "reads no argument; the launched processes run it",
}
