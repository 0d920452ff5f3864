"""How the embedded `chinese-student` comes about; run by `python -m tlutils.build_encoders chinese-student`."""

from __future__ import annotations

import platform
import re
import time

import torch
from torch import Tensor

from tlutils.datasets import corpora, reviews
from tlutils.distill import distill, retrieval_accuracy
from tlutils.domains import together
from tlutils.encoders import model_card
from tlutils.features import extract_features
from tlutils.lexicon import LONGEST, frequent_senses
from tlutils.session import seed_everything
from tlutils.store import available, data_dir, sha256, write_json
from tlutils.student import CharacterStudent, common_grams
from tlutils.text_encoders import text_encoder
from tlutils.texts import TextEncoder
from tlutils.wordwise import WordByWord

NAME = "chinese-student"
SEED = 0
EPOCHS = 5
HELD_OUT = 1000  # English sentences of Tatoeba, with all their translations
FILES = (
    "bi_tatoeba_cmn_eng/cmn.txt",
    "bi_xnli_en_zh/dev-en.tsv",
    "bi_cc_cedict/cedict_1_0_ts_utf-8_mdbg.txt.gz",
    "en_sst2_sentences/train.tsv",
    "en_amazon_blitzer_raw/books_negative.parsed",
)
Pairs = tuple[list[str], list[str]]


def split_tatoeba() -> tuple[Pairs, Pairs]:
    """Return Tatoeba's pairs for training and one pair for each of 1,000 English sentences kept apart.

    No sentence of the second part, English or Chinese, occurs in the first.
    """
    english, chinese = corpora.tatoeba()
    sentences = list(dict.fromkeys(english))
    order = torch.randperm(len(sentences), generator=torch.Generator().manual_seed(SEED))
    apart = {sentences[i] for i in order[:HELD_OUT].tolist()}
    known = [(e, c) for e, c in zip(english, chinese, strict=True) if e not in apart]
    seen = {c for _, c in known}
    held = {e: c for e, c in zip(english, chinese, strict=True) if e in apart and c not in seen}
    return _sides(known), (list(held), list(held.values()))


def training_pairs() -> Pairs:
    """Return English and Chinese: sentence pairs, dictionary entries, and English reviews put into Chinese words."""
    entries = corpora.cc_cedict()
    published = _joined([split_tatoeba()[0], corpora.xnli_pairs("dev"), corpora.xnli_pairs("test")])
    short = {word: text for word, text in frequent_senses(entries, *published).items() if _translates(word, text)}
    sentences = [sentence for category in corpora.CATEGORIES for sentence in _sentences(corpora.amazon(category).x)]
    sentences += corpora.sst2("train").x
    into_chinese = WordByWord(entries, *published, seed=SEED)
    by_words = [(sentence, into_chinese(sentence)) for sentence in sentences]
    by_words = [(ours, theirs) for ours, theirs in by_words if theirs]
    return _joined([published, (list(short.values()), list(short)), _sides(by_words)])


def build() -> None:
    """Train the student on all pairs, and write its weights and its card."""
    from safetensors.torch import save_file

    english, chinese = training_pairs()
    began = time.perf_counter()
    embeddings = taught(english)
    teacher_minutes = (time.perf_counter() - began) / 60
    seed_everything(SEED)
    student = CharacterStudent(common_grams(chinese))
    began = time.perf_counter()
    history = distill(student, chinese, embeddings, epochs=EPOCHS, seed=SEED)
    minutes = (time.perf_counter() - began) / 60
    path = data_dir() / f"{NAME}.safetensors"
    state = {key: value.half() if value.is_floating_point() else value for key, value in student.state_dict().items()}
    save_file(state, path)
    student.load_state_dict(state)  # what is measured is what is stored
    card = {
        "name": NAME,
        "architecture": "CharacterStudent: 24,000 characters and pairs, sum of 128 values, two layers, 384 features",
        "parameters": sum(p.numel() for p in student.parameters()),
        "teacher": "minilm (all-MiniLM-L6-v2)",
        "data": "pairs of English, as the teacher reads it, and Chinese: Tatoeba, XNLI, CC-CEDICT's words with one "
        "short gloss each, and the sentences of SST-2 and of Amazon's reviews put into Chinese word by word; no label",
        "pairs": len(english),
        "not_seen": "1,000 English sentences of Tatoeba with their translations; ChnSentiCorp; the course's own texts",
        "command": f"python -m tlutils.build_encoders {NAME}",
        "seed": SEED,
        "epochs": EPOCHS,
        "training_minutes": round(minutes, 1),
        "teacher_minutes": round(teacher_minutes, 1),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, float32, stored as float16",
        "torch": torch.__version__,
        "final_training_loss": round(history[-1]["distance"], 4),
        "test_accuracy": measure(student),
        "sha256": sha256(path),
        "licence": "MIT for the weights; of the data, XNLI is for non-commercial use (CC BY-NC 4.0), Tatoeba is "
        "CC BY 2.0 FR, CC-CEDICT CC BY-SA 4.0, SST-2 and the Amazon reviews have no explicit licence",
        "limits": "a bag of characters: who did what to whom, negation at a distance and irony are lost; mostly "
        "simplified, written Chinese; not for decisions about people",
    }
    write_json(data_dir() / f"{NAME}.card.json", card)


def taught(english: list[str]) -> Tensor:
    """Return the teacher's rows for English texts, each different one computed once."""
    different = list(dict.fromkeys(english))
    place = {text: row for row, text in enumerate(different)}
    features = extract_features(text_encoder("minilm"), different, allow_bfloat16=True)
    return features[torch.tensor([place[text] for text in english])]


def measure(student: TextEncoder) -> dict[str, float]:
    """Return how often a student finds the right English sentence for a Chinese one (retrieval accuracy)."""
    kinds = {f"pairs of the course, 1 of {len(reviews.pairs()[0])}": reviews.pairs()}
    if available(FILES[0]):
        held = split_tatoeba()[1]
        kinds[f"Tatoeba, 1 of {len(held[0])}"] = held
    return {
        kind: round(retrieval_accuracy(extract_features(student, chinese, cache=False), taught(english)), 4)
        for kind, (english, chinese) in kinds.items()
    }


def check() -> str:
    """Verify the embedded student against its card; return what was verified.

    Hash, shapes and retrieval among the course's own pairs always; Tatoeba's too where it is at hand. Raises
    ValueError when something differs.
    """
    stated = model_card(NAME)["test_accuracy"]
    measured = measure(text_encoder(NAME))
    for kind, share in measured.items():
        if abs(share - stated.get(kind, -1)) > 0.005:  # a few sentences: rounding on another processor
            raise ValueError(f"{NAME}: retrieval in {kind} is {share:.2%}, the card says {stated.get(kind, 0):.2%}")
    shares = ", ".join(f"{kind}: {share:.1%}" for kind, share in measured.items())
    return f"{NAME}: hash, shapes and retrieval ({shares}) as its card says"


def _sentences(texts: list[str]) -> list[str]:
    parts = (part.strip() for text in texts for part in re.split(r"(?<=[.!?])\s+", text))
    return [part for part in parts if 15 <= len(part) <= 300]


def _translates(word: str, meaning: str) -> bool:
    """Return whether a dictionary's meaning is a short translation: no name, no explanation."""
    return len(word) <= 4 and not word.isascii() and 0 < len(meaning.split()) <= LONGEST and not meaning[0].isupper()


def _joined(parts: list[Pairs]) -> Pairs:
    return together([english for english, _ in parts]), together([chinese for _, chinese in parts])


def _sides(pairs: list[tuple[str, str]]) -> Pairs:
    return [first for first, _ in pairs], [second for _, second in pairs]
