"""The student against sums by hand: its grams, any script, safe files; and the one that is embedded."""

import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from tlutils import build_encoders, build_student, extract_features, model_card, text_encoder
from tlutils.datasets import reviews
from tlutils.store import data_dir
from tlutils.student import PAIR, CharacterStudent, common_grams, gram_numbers

TEXTS = ["房间很干净", "房间很大", "a b", "很 很 很"]


@pytest.fixture
def student():
    torch.manual_seed(0)
    return CharacterStudent(common_grams(TEXTS), 6, width=4, hidden=5).eval()


def slow_grams(text):
    """Return every character and every pair of neighbours as strings."""
    return [*text, *(text[i : i + 2] for i in range(len(text) - 1))]


def as_text(number):
    return chr(number) if number < PAIR else chr(number // PAIR - 1) + chr(number % PAIR)


@pytest.mark.parametrize("text", ["房间很干净", "a", "ab", "𠀀x\U0010ffff", "مرحبا", "🙂🙂"])
def test_grams_are_the_characters_and_the_pairs(text):
    assert [as_text(int(number)) for number in gram_numbers(text)] == slow_grams(text)


def test_width_case_and_white_space_do_not_count():
    assert gram_numbers("Ｗｉ－Ｆｉ　ＯＫ！").tolist() == gram_numbers(" wi-fi \n ok! ").tolist()


def test_common_grams_are_counted_ranked_and_ascending():
    grams = common_grams(TEXTS)
    # the space between two characters is a character, and pairs with its neighbours
    assert {as_text(int(g)) for g in grams} == {"房", "间", "很", "房间", "间很", " ", "很 ", " 很"}
    assert (grams.diff() > 0).all()
    assert [as_text(int(g)) for g in common_grams(TEXTS, 1)] == ["很"]
    assert common_grams(TEXTS[::-1]).equal(grams)
    tied = common_grams(["乙甲", "丙"], 2, at_least=1)
    assert tied.tolist() == sorted(map(ord, "乙甲丙"))[:2], "of equally common ones the lower number"


def test_a_row_is_the_sum_of_listed_grams_and_of_unknown_characters(student):
    text = "房间很脏"
    place = {as_text(int(g)): i + 1 for i, g in enumerate(student.grams)}
    listed = [place[gram] for gram in slow_grams(text) if gram in place]
    total = student.table.weight[listed].sum(0) + student.table.weight[0]  # 脏 is not listed, nor is 很脏
    expected = F.normalize(student.layers(total), dim=0)
    torch.testing.assert_close(student([text])[0], expected)


@pytest.mark.parametrize("text", ["zq", "𠀀", "\x00\x07", "привет мир", "?" * 5000])
def test_nothing_known_still_gives_a_finite_row_of_length_1(student, text):
    row = student([text])
    assert torch.isfinite(row).all() and row.norm().item() == pytest.approx(1, abs=1e-5)


def test_rows_do_not_depend_on_their_company(student):
    together = student(TEXTS)
    for text, row in zip(TEXTS, together, strict=True):
        torch.testing.assert_close(student([text])[0], row)
    torch.testing.assert_close(extract_features(student, TEXTS, cache=False), together.detach())


def test_every_gram_of_a_text_learns(student):
    student(["房间"]).sum().backward()
    moved = student.table.weight.grad.abs().sum(1).nonzero().squeeze(1)
    known = [i + 1 for i, g in enumerate(student.grams) if as_text(int(g)) in {"房", "间", "房间"}]
    assert moved.tolist() == sorted(known)


def test_the_state_survives_a_safetensors_file_in_half_precision(student, tmp_path):
    state = {k: v.half() if v.is_floating_point() else v for k, v in student.state_dict().items()}
    save_file(state, tmp_path / "s.safetensors")
    found = load_file(tmp_path / "s.safetensors")
    again = CharacterStudent(found["grams"], 6, width=4, hidden=5)
    again.load_state_dict(found)
    assert again.table.weight.dtype == torch.float32
    torch.testing.assert_close(again(TEXTS), student(TEXTS), atol=5e-3, rtol=0)


def test_numbers_do_not_depend_on_the_process():
    """Python's hash() of strings differs from process to process; these numbers may not."""
    code = "from tlutils.student import common_grams as c; print(c(['房间很干净', '房间 Ab'], at_least=1).tolist())"
    outputs = set()
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True
        )
        outputs.add(run.stdout)
    assert len(outputs) == 1 and "[" in outputs.pop()


@pytest.mark.parametrize(
    ("texts", "message"),
    [([], "an empty one"), ("abc", "put it into a list"), (["ab", " "], "text 1 is empty"), ([None], "not a string")],
)
def test_texts_that_cannot_be_read_are_refused(student, texts, message):
    with pytest.raises(ValueError, match=message):
        student(texts)
    with pytest.raises(ValueError, match=message):
        common_grams(texts)


def test_grams_that_cannot_be_looked_up_are_refused():
    for grams in (torch.tensor([3, 2]), torch.tensor([2, 2]), torch.tensor([1.0]), torch.zeros(0, dtype=torch.int64)):
        with pytest.raises(ValueError, match="ascending int64"):
            CharacterStudent(grams)
    with pytest.raises(ValueError, match="lower at_least"):
        common_grams(["abc"], at_least=2)


# ---------------------------------------------------------------- the embedded one


def test_the_embedded_student_is_small_frozen_and_has_a_card():
    student, card = text_encoder("chinese-student"), model_card("chinese-student")
    assert (data_dir() / "chinese-student.safetensors").stat().st_size < 8e6
    assert not any(p.requires_grad for p in student.parameters()) and not student.training
    assert card["parameters"] == sum(p.numel() for p in student.parameters())
    assert {"data", "not_seen", "seed", "epochs", "test_accuracy", "sha256", "licence", "limits"} <= card.keys()
    assert card["command"] == "python -m tlutils.build_encoders chinese-student"
    assert (card["seed"], card["epochs"]) == (build_student.SEED, build_student.EPOCHS)


def test_without_training_it_knows_its_characters_and_nothing_else():
    trained, untrained = text_encoder("chinese-student"), text_encoder("chinese-student", pretrained=False)
    assert trained.grams.equal(untrained.grams)
    assert not trained.table.weight.equal(untrained.table.weight)
    again = text_encoder("chinese-student", pretrained=False)
    assert again.table.weight.equal(untrained.table.weight)


def test_check_measures_the_embedded_student(capsys, monkeypatch):
    monkeypatch.setattr(build_student, "available", lambda file: False)  # Tatoeba is measured by the command itself
    assert build_encoders.main(["chinese-student", "--check"]) == 0
    assert capsys.readouterr().out.startswith("chinese-student: hash, shapes and retrieval (pairs of the course")


def test_check_fails_when_the_card_promises_another_accuracy(capsys, monkeypatch):
    monkeypatch.setattr(build_student, "available", lambda file: False)
    kind = next(kind for kind in model_card("chinese-student")["test_accuracy"] if kind.startswith("pairs"))
    monkeypatch.setattr(build_student, "measure", lambda student: {kind: 0.5})
    assert build_encoders.main(["chinese-student", "--check"]) == 1
    assert "50.00%, the card says" in capsys.readouterr().err


def test_the_tatoeba_held_out_shares_no_sentence_with_the_training(real):
    real("bi_tatoeba_cmn_eng/cmn.txt")
    (english, chinese), (held_english, held_chinese) = build_student.split_tatoeba()
    assert not set(english) & set(held_english) and not set(chinese) & set(held_chinese)
    assert len(held_english) == len(set(held_english)) > 800


def test_the_students_names_for_the_course_pairs_are_the_course_pairs():
    kinds = model_card("chinese-student")["test_accuracy"]
    assert f"pairs of the course, 1 of {len(reviews.pairs()[0])}" in kinds
