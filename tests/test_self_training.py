"""Self-training against the loop written out, on data where it must help, and where it must hurt."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from tlutils.self_training import self_training, side_by_side


def two_domains(n=300, seed=0):
    """Rows whose class both domains show in column 0, weakly, and the target alone in column 1, strongly."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 2
    sign = (2 * y - 1).float()
    known, met = (0.6 * sign[:, None] * torch.tensor([1.0, 0.0]) + torch.randn(n, 2, generator=generator) for _ in "ab")
    known[:, 1] = 0
    met[:, 1] = 3 * sign + 0.5 * torch.randn(n, generator=generator)
    return known, met, y


def by_hand(known, labels, met, shares):
    x, y = known.numpy(), labels.numpy()
    model = LogisticRegression(C=10, max_iter=2000).fit(x, y)
    for share in shares:
        p = model.predict_proba(met.numpy())[:, 1]
        count = int(share * len(p))
        low = sorted(range(len(p)), key=lambda i: p[i])[:count]
        high = sorted(range(len(p)), key=lambda i: -p[i])[:count]
        rows = np.concatenate([x, met.numpy()[low], met.numpy()[high]])
        model = LogisticRegression(C=10, max_iter=2000).fit(rows, np.concatenate([y, [0] * count, [1] * count]))
    return model


def test_it_is_the_loop_written_out():
    known, met, y = two_domains()
    ours, expected = self_training(known, y, met, shares=(0.1, 0.4)), by_hand(known, y, met, (0.1, 0.4))
    np.testing.assert_allclose(ours.coef_, expected.coef_, atol=1e-3)


def test_it_learns_what_only_the_target_has_and_without_rounds_it_does_not():
    known, met, y = two_domains()
    plain, taught = self_training(known, y, met, shares=()), self_training(known, y, met)
    assert plain.score(met, y) < 0.8 and taught.score(met, y) > 0.97
    assert abs(plain.coef_[0, 1]) < 1e-6 < taught.coef_[0, 1]


def test_wrong_first_predictions_are_made_surer():
    known, met, y = two_domains()
    known[:, 0] *= -1
    assert self_training(known, y, met).score(met, y) < self_training(known, y, met, shares=()).score(met, y)


@pytest.mark.parametrize(
    ("labels", "shares", "words"),
    [
        (torch.zeros(300, dtype=torch.long), (0.1,), "a label 0 or 1, both classes"),
        (torch.arange(300) % 3, (0.1,), "both classes"),
        (torch.arange(300) % 2 - (torch.arange(300) == 7).long() * 2, (0.1,), "a label 0 or 1"),
        (torch.arange(10) % 2, (0.1,), "each of 300 rows"),
        (torch.arange(300) % 2, (0.6,), "at most at 0.5"),
        (torch.arange(300) % 2, (0.0,), "above 0"),
    ],
)
def test_what_it_cannot_be_taught_is_refused(labels, shares, words):
    known, met, _ = two_domains()
    with pytest.raises(ValueError, match=words):
        self_training(known, labels, met, shares=shares)


def test_words_and_rows_stand_side_by_side():
    texts = [["a good book", "good good pan"], ["a bad pan"]]
    rows = [torch.eye(2, 3), torch.ones(1, 3)]
    both = side_by_side(texts, rows, 0.5)
    assert [table.shape for table in both] == [(2, 5), (1, 5)], "good and pan occur in two texts, the others in one"
    for table, part in zip(both, rows, strict=True):
        assert np.array_equal(table.toarray()[:, 2:], 0.5 * part.numpy())
    words = both[0].toarray()[:, :2]
    assert words[0].tolist() == [1, 0] and words[1, 0] > words[1, 1] > 0, "rows of length 1, in alphabetical order"
    with pytest.raises(ValueError, match="need a row for each text"):
        side_by_side(texts, [rows[0], torch.ones(2, 3)])
