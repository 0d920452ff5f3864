"""Distillation brings a student's rows to a teacher's; retrieval against a double loop; wrong input."""

import pytest
import torch
from torch.nn import functional as F

from tlutils import distill, retrieval_accuracy
from tlutils.student import CharacterStudent, common_grams

TEXTS = ["红花", "红车", "白花", "白车", "大红花", "大白车", "红花车", "白花车"]


@pytest.fixture
def teacher():
    generator = torch.Generator().manual_seed(0)
    return F.normalize(torch.randn(len(TEXTS), 6, generator=generator), dim=1)


def new(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return CharacterStudent(common_grams(TEXTS), 6, width=32, hidden=64)


def test_the_student_comes_near_the_teacher(teacher):
    student = new()
    before = (student(TEXTS) - teacher).square().sum(1).mean().item()
    history = distill(student, TEXTS, teacher, steps=150, batch_size=8, lr=1e-2)
    after = (student(TEXTS) - teacher).square().sum(1).mean().item()
    assert set(history[0]) == {"distance"} and history[0]["distance"] == pytest.approx(before, rel=1e-4)
    assert after < 0.05 < before
    assert retrieval_accuracy(student(TEXTS), teacher) == 1 and not student.training


def test_squared_error_and_cosine_are_one_aim(teacher):
    rows = new()(TEXTS)
    squared = (rows - teacher).square().sum(1).mean()
    torch.testing.assert_close(squared, 2 - 2 * F.cosine_similarity(rows, teacher).mean())


def test_a_seed_decides_every_bit_and_the_callers_randomness_is_left_alone(teacher):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    students = [new(), new()]
    for student in students:
        distill(student, TEXTS, teacher, steps=5, batch_size=4, seed=3)
        assert torch.get_rng_state().equal(state)
    first, second = (student.state_dict() for student in students)
    assert all(first[key].equal(second[key]) for key in first)


def test_rows_belong_to_their_own_texts(teacher):
    """A batch is drawn in another order than given: a mix-up would teach everybody the mean."""
    student = new()
    distill(student, TEXTS, teacher, steps=150, batch_size=3, lr=1e-2)
    assert retrieval_accuracy(student(TEXTS), teacher) == 1


@pytest.mark.parametrize(
    ("texts", "embeddings", "message"),
    [
        (TEXTS[:3], torch.rand(4, 6), r"float tensor \(3, 6\).*\(4, 6\)"),
        (TEXTS[:3], torch.rand(3, 5), r"float tensor \(3, 6\).*\(3, 5\)"),
        (TEXTS[:3], torch.ones(3, 6, dtype=torch.int64), "int64"),
        (TEXTS[:3], [[1.0] * 6] * 3, "got list"),
        (TEXTS[:3], torch.full((3, 6), torch.nan), "NaN or infinite"),
        (["a", ""], torch.rand(2, 6), "text 1 is empty"),
        ("红花", torch.rand(2, 6), "must be a list of texts"),
    ],
)
def test_what_does_not_belong_together_is_refused(texts, embeddings, message):
    error = TypeError if "list" in message else ValueError
    with pytest.raises(error, match=message):
        distill(new(), texts, embeddings, steps=1)


# ---------------------------------------------------------------- retrieval


def slow_retrieval(a, b):
    found = 0
    for i, row in enumerate(a):
        cosines = [float(row @ other / (row.norm() * other.norm())) for other in b]
        found += all(cosines[i] > cosine for j, cosine in enumerate(cosines) if j != i)
    return found / len(a)


def test_retrieval_is_the_double_loop():
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(40, 5, generator=generator)
    b = a + torch.randn(40, 5, generator=generator)
    assert 0.1 < slow_retrieval(a, b) < 0.9
    assert retrieval_accuracy(a, b) == pytest.approx(slow_retrieval(a, b), abs=1e-6)
    assert retrieval_accuracy(5 * a, 0.1 * b) == retrieval_accuracy(a, b), "length does not matter"
    assert retrieval_accuracy(a, a) == 1


def test_the_same_row_for_everything_finds_nothing():
    assert retrieval_accuracy(torch.ones(7, 3), torch.ones(7, 3)) == 0
    assert retrieval_accuracy(torch.zeros(7, 3), torch.rand(7, 3)) == 0


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (torch.rand(3, 2), torch.rand(4, 2), r"\(3, 2\) and \(4, 2\)"),
        (torch.rand(1, 2), torch.rand(1, 2), "n ≥ 2"),
        (torch.rand(3), torch.rand(3, 2), "first side"),
    ],
)
def test_sides_that_cannot_be_compared_are_refused(a, b, message):
    with pytest.raises(ValueError, match=message):
        retrieval_accuracy(a, b)
