"""Features of texts: sorted and batched inside, given back in order, cached, resumed; and fine-tuning on texts."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from tlutils import (
    Classifier,
    Domain,
    accuracy,
    add_lora,
    extract_features,
    features,
    fit,
    layerwise_rates,
    linear_probe,
    predict,
    text_blocks,
    text_encoder,
    unfreeze,
)
from tlutils.datasets import reviews
from tlutils.texts import TextEncoder, TransformerEncoder

WORDS = "the plot is thin but every actor gives all there is and more than that".split()


def small() -> TransformerEncoder:
    """Return a very small transformer with MiniLM's tokeniser: random weights, equal each time."""
    from transformers import AutoModel, AutoTokenizer, BertConfig

    from tlutils.text_encoders import _package_folder

    config = BertConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, hidden_dropout_prob=0.1
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = AutoModel.from_config(config)
    encoder = TransformerEncoder(network, AutoTokenizer.from_pretrained(_package_folder()), 64)
    return encoder.requires_grad_(False).eval()


def texts(n: int) -> list[str]:
    draw = random.Random(0)
    return [" ".join(draw.choices(WORDS, k=draw.randint(1, 60))) + f" {i}" for i in range(n)]


class Counted(TextEncoder):
    """An encoder that counts characters, words and what it was asked; `broken` raises at that many texts."""

    dim = 2

    def __init__(self, broken: int | None = None) -> None:
        super().__init__()
        self.broken = broken
        self.batches: list[list[int]] = []
        self.scale = torch.nn.Parameter(torch.ones(1), requires_grad=False)

    def tokenise(self, texts):
        return [[len(word) for word in text.split()] for text in texts]

    def encode(self, rows):
        done = sum(map(len, self.batches))
        if self.broken is not None and done + len(rows) > self.broken:
            raise KeyboardInterrupt
        self.batches.append([len(row) for row in rows])
        return self.scale * torch.tensor([[sum(row), len(row)] for row in rows]).float()


def expected(x: list[str]) -> torch.Tensor:
    return torch.tensor([[len(text.replace(" ", "")), len(text.split())] for text in x]).float()


def test_rows_come_back_in_the_order_of_the_texts():
    encoder, x = small(), texts(150)
    with torch.inference_mode():
        one_by_one = torch.cat([encoder([text]) for text in x])
    for settings in ({}, {"batch_size": 7}, {"cache": False}):
        got = extract_features(encoder, x, **settings)
        assert got.shape == (150, 24) and got.dtype == torch.float32 and not got.is_inference()
        torch.testing.assert_close(got, one_by_one, rtol=0, atol=1e-5)


def test_batches_hold_texts_of_about_equal_length_within_their_bounds(monkeypatch):
    monkeypatch.setattr(text_blocks, "TOKENS", 300)
    monkeypatch.setattr(text_blocks, "SORTED", 100)
    encoder, x = Counted(), [*texts(250), "w " * 1000]
    assert torch.equal(extract_features(encoder, x, batch_size=20, cache=False), expected(x))
    assert sum(map(len, encoder.batches)) == 251
    for batch in encoder.batches:
        assert len(batch) <= 20 and (len(batch) == 1 or max(batch) * len(batch) <= 300)
    padding = sum(max(batch) * len(batch) - sum(batch) for batch in encoder.batches)
    assert padding < 0.15 * sum(map(sum, encoder.batches)), "unsorted it would be about 0.6"


def test_the_second_call_reads_and_a_kill_costs_one_block(monkeypatch, tmp_path):
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    monkeypatch.setattr(text_blocks, "SORTED", 40)
    monkeypatch.setattr(features, "network_parts", lambda encoder: ["always the same"])
    x = texts(100)
    with pytest.raises(KeyboardInterrupt):
        extract_features(Counted(broken=85), x)
    after = Counted()
    assert torch.equal(extract_features(after, x), expected(x)) and sum(map(len, after.batches)) == 20
    again = Counted()
    assert torch.equal(extract_features(again, tuple(x)), expected(x)) and not again.batches
    other = Counted()
    extract_features(other, [*x[:-1], "another"])
    assert other.batches, "one text changed, all is new"
    assert not torch.equal(extract_features(Counted(), ["a b", "c"]), extract_features(Counted(), ["a", "b c"]))


def test_the_key_is_the_same_in_every_process_and_after_use(tmp_path):
    program = """
from tlutils import text_encoder
from tlutils.fingerprint import fingerprint, network_parts
encoder = text_encoder("minilm")
print(fingerprint(network_parts(encoder)))
encoder(["used", "and used again, with padding"])
print(fingerprint(network_parts(encoder)))
"""
    found = set()
    for seed in "12":
        root = str(Path(__file__).resolve().parent.parent)
        environment = os.environ | {"PYTHONPATH": root, "PYTHONHASHSEED": seed, "HF_HUB_OFFLINE": "1"}
        found |= set(subprocess.check_output([sys.executable, "-c", program], env=environment, text=True).split())
    assert len(found) == 1 and len(found.pop()) == 64


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ("one text", "must be a tensor or a list of texts, got str 'one text'"),
        ([], "at least one text"),
        (["a", 3], "must be a tensor or a list of texts"),
        (["a", ""], "text 1 is empty"),
        (torch.rand(2, 3, 8, 8), "a list of strings, got Tensor"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(x, words):
    with pytest.raises(TypeError if "list of texts" in words else ValueError, match=words):
        extract_features(small(), x)


def test_a_text_without_a_word_is_named_with_its_place_in_the_whole_list(monkeypatch):
    monkeypatch.setattr(text_blocks, "SORTED", 10)
    with pytest.raises(ValueError, match="text 27 holds no word"):
        extract_features(small(), [*texts(27), "\x00\x01"], cache=False)


def test_texts_for_an_encoder_of_images_are_refused():
    with pytest.raises(TypeError, match="x must be a tensor, got list"):
        extract_features(torch.nn.Flatten(), ["a"])


def test_an_encoder_in_training_keeps_no_features_and_its_mode(monkeypatch, tmp_path):
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path))
    encoder = small().requires_grad_(True).train()
    first, second = (extract_features(encoder, texts(5)) for _ in range(2))
    assert torch.equal(first, second), "no dropout"
    assert encoder.training and not (tmp_path / "features").exists()


def test_quick_linear_layers_compute_the_same_and_are_taken_back():
    from tlutils.text_blocks import quick_linears

    network, x = torch.nn.Sequential(torch.nn.Linear(40, 70), torch.nn.Linear(70, 3, bias=False)), torch.randn(2, 5, 40)
    with torch.inference_mode():
        plain = network(x)
        with pytest.raises(KeyboardInterrupt), quick_linears(network):
            torch.testing.assert_close(network(x), plain, rtol=0, atol=1e-5)
            raise KeyboardInterrupt
    assert not any("forward" in vars(layer) for layer in network)
    network(x).sum().backward()
    assert network[0].weight.grad is not None


def test_bfloat16_changes_little(monkeypatch):
    monkeypatch.setattr(features, "computes_bfloat16", lambda device: True)
    encoder, x = text_encoder("minilm"), texts(12)
    exact, reduced = (extract_features(encoder, x, allow_bfloat16=flag, cache=False) for flag in (False, True))
    assert not torch.equal(exact, reduced) and F.cosine_similarity(exact, reduced).min() > 0.9995


def test_a_probe_on_minilm_learns_the_courses_reviews():
    """Stored features of 24 texts and 60 others: 40 labels are enough to be right on most plain reviews."""
    train, test = (reviews.reviews("kitchen", style="plain", part=part) for part in ("train", "test"))
    encoder = text_encoder("minilm")
    few = train.few(20)
    probe = linear_probe(extract_features(encoder, few.x), few.y)
    assert probe.score(extract_features(encoder, test.x), test.y) > 0.7


# ---------------------------------------------------------------- fine-tuning


@pytest.fixture
def praise():
    """Forty texts whose class is one word among many."""
    draw = random.Random(1)
    x = [" ".join([*draw.choices(WORDS, k=draw.randint(2, 12)), ("bad", "good")[i % 2]]) for i in range(40)]
    return Domain(x, torch.arange(40) % 2, ("negative", "positive"), "praise")


def moved(model, before) -> set[str]:
    return {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}


def kept(model) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_fit_trains_all_of_an_encoder_on_texts(praise):
    model = Classifier(small().requires_grad_(True), praise.classes)
    before = kept(model)
    history = fit(model, praise, epochs=12, batch_size=8, lr=5e-3)
    assert history[-1]["source"] < 0.3 < history[0]["source"] and accuracy(model, praise) > 0.9
    unmoved = set(before) - moved(model, before)
    assert not {name for name in unmoved if "key.bias" not in name}, "a key's bias has no effect on attention"
    assert predict(model, praise.x).shape == (40,)


def test_a_penalty_compares_texts_of_two_domains(praise):
    from tlutils import mmd

    target = Domain(texts(16), None, praise.classes, "others")
    history = fit(Classifier(small().requires_grad_(True), 2), praise, target, penalty=mmd, steps=2, batch_size=8)
    assert set(history[0]) == {"source", "penalty"}


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_depth_trains_the_head_and_the_last_layers(praise, depth):
    model = Classifier(small(), praise.classes)
    unfreeze(model, depth)
    before = kept(model)
    fit(model, praise, steps=2, batch_size=8, lr=1e-2)
    changed = moved(model, before)
    assert {name for name in changed if name.startswith("head")} == {"head.weight", "head.bias"}
    layers = {name.split(".")[4] for name in changed if ".layer." in name}
    assert layers == [set(), {"1"}, None, {"0", "1"}][depth]
    assert any("embeddings" in name for name in changed) == (depth == 3)


def test_every_weight_of_minilm_has_a_rate_by_its_depth():
    model = Classifier(text_encoder("minilm").requires_grad_(True), 2)
    groups = layerwise_rates(model, 1e-3, 0.5)
    assert [round(group["lr"] / 1e-3 * 2**k, 6) for k, group in enumerate(groups)] == [1] * 8
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))


def test_lora_trains_and_merges_on_texts(praise):
    model = Classifier(small(), praise.classes)
    plain = extract_features(model.encoder, praise.x, cache=False)
    handle = add_lora(model, 4)
    assert torch.equal(extract_features(model.encoder, praise.x, cache=False), plain), "it starts unchanged"
    before = kept(model)
    fit(model, praise, epochs=12, batch_size=8, lr=2e-2)
    assert all("lora_" in name or name.startswith("head") for name in moved(model, before))
    assert accuracy(model, praise) > 0.9
    tuned = extract_features(model.encoder, praise.x, cache=False)
    handle.merge_and_unload()
    torch.testing.assert_close(extract_features(model.encoder, praise.x, cache=False), tuned, rtol=0, atol=1e-5)
    assert not any("lora" in name for name, _ in model.named_parameters())
