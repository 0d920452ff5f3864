"""Advice on one's own data: copies, leaks and few labels are told, the model chosen is the one saved."""

import json
import re
import subprocess
import sys

import pytest
import torch
from PIL import Image

import tlutils as tl
from tlutils.__main__ import main
from tlutils.advice import FEWEST, gap
from tlutils.data_checks import check_data, copies
from tlutils.datasets.folders import as_pixels, square_image
from tlutils.learners import folds_of
from tlutils.metrics import share_interval
from tlutils.normalisation import statistics_gap
from tlutils.own_model import Linear, view
from tlutils.own_rows import OwnData


@pytest.fixture(autouse=True)
def no_cache_of_the_user(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("TLUTILS_CACHE", str(tmp_path_factory.mktemp("cache")))


def pictures(n=30, classes=3, seed=0):
    """Return n noisy images of each class, told apart by their stripes and by nothing else."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(classes).repeat_interleave(n)
    x = torch.rand(len(y), 3, 32, 32, generator=generator) * 0.3 + 0.2
    for row, label in enumerate(y.tolist()):
        shift = int(torch.randint(4, (1,), generator=generator))
        x[row, :, :, shift :: 2 + label] += 0.4
    return tl.Domain(x.clamp(0, 1), y, tuple("abcdef"[:classes]), "stripes")


def own(domain, **parts):
    if "test" in parts:
        parts = {"test_places": tuple(f"test {n}" for n in range(len(parts["test"])))} | parts
    return OwnData(domain, tuple(f"row {n}" for n in range(len(domain))), **parts)


def told(remarks):
    return " ".join(f"{what} {fix}" for what, fix in remarks)


@pytest.fixture(scope="module")
def advice():
    return tl.advise(pictures(), minutes=0, encoders=["photos"])


# ---------------------------------------------------------------- checks


def test_copies_of_texts_differ_in_signs_and_case_only():
    assert copies(["Hello, you", "hello you!", "hello me", "…", "…", "!"]).tolist() == [0, 0, 1, 2, 2, 3]


def test_copies_of_nothing_and_of_unscaled_images_are_refused():
    with pytest.raises(ValueError, match="copies are looked for among images or texts, and there are none"):
        copies([])
    with pytest.raises(ValueError, match=r"images must lie in \[0, 1\], these run from 0 to 255: scale them first"):
        copies(torch.tensor([0.0, 255.0]).expand(2, 3, 20, 2))
    with pytest.raises(ValueError, match=r"must be a float tensor \(n, c, h, w\), got \(2, 3\)"):
        copies(torch.rand(2, 3))


def test_data_without_labels_or_places_are_not_checked():
    for change, words in (
        ({"domain": own(pictures()).domain.unlabelled()}, "compare the inputs with class labels"),
        ({"places": ("one.png",)}, "one place for each row, got 1"),
        ({"facts": torch.zeros(1, 3)}, "facts must have the shape"),
    ):
        with pytest.raises(ValueError, match=words):
            check_data(own(pictures())._replace(**change))


def test_copies_of_images_survive_being_saved_again(tmp_path):
    generator = torch.Generator().manual_seed(0)
    images = []
    for row in range(6):
        smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 8, 8, generator=generator), 200, mode="bicubic")
        picture = Image.fromarray((smooth[0].clamp(0, 1) * 255).byte().permute(1, 2, 0).numpy())
        picture.save(tmp_path / f"{row}.png")
        picture.resize((90, 90)).save(tmp_path / f"{row}.jpg", quality=80)
        images += [square_image(tmp_path / f"{row}.{kind}", 64) for kind in ("png", "jpg")]
    assert copies(as_pixels(images)).tolist() == torch.arange(6).repeat_interleave(2).tolist()


def test_clean_data_raise_no_remark():
    assert check_data(own(pictures())) == []


def test_copies_across_the_split_and_torn_labels_are_told():
    domain = pictures()
    test = tl.Domain(domain.x[:2], torch.tensor([0, 1]), domain.classes, "test")
    found = told(check_data(own(domain, test=test, test_places=("t0", "t1"))))
    assert "2 groups of copies both in the test part and in the rest: {row 0, t0} {row 1, t1}" in found
    assert "1 group of copies with more than one label: {row 1, t1}" in found


def test_few_and_uneven_classes_are_told():
    domain = pictures(120, 2).subset(torch.cat([torch.arange(120), torch.arange(120, 124)]))
    found = told(check_data(own(domain)))
    assert "fewer than 10 examples in 1 of 2 classes: 'b' (4)" in found and "120 of 'a', 4 of 'b'" in found


def test_a_coloured_corner_is_told():
    domain = pictures()
    domain.x[domain.y == 1, 0, -4:, -4:] = 1.0
    domain.x[domain.y == 2, 2, -4:, -4:] = 1.0
    assert "small square, bottom right, tells the classes apart" in told(check_data(own(domain)))


def test_files_of_another_size_are_told():
    domain = pictures()
    facts = torch.stack([100 + domain.y, torch.full_like(domain.y, 80), torch.arange(len(domain))], 1)
    assert "width, height and bytes of the files alone" in told(check_data(own(domain, facts=facts)))


def test_a_label_written_into_the_text_is_told_and_a_common_word_is_not():
    texts = [f"the text number {n} says {'spam' if n % 10 == 0 else 'the usual'}" for n in range(200)]
    y = torch.tensor([int(n % 10 == 0) for n in range(200)])
    found = told(check_data(own(tl.Domain(texts, y, ("ham", "junk"), "mail"))))
    assert "one word gives the label away" in found and "'spam' tells 'junk'" in found and "'the'" not in found
    plain = [f"text {n} of many" for n in range(200)]
    assert "one word" not in told(check_data(own(tl.Domain(plain, y, ("ham", "junk"), "mail"))))


# ---------------------------------------------------------------- parts


def test_copies_stay_on_one_side_of_every_fold():
    y, groups = torch.arange(40) % 2, torch.arange(40) // 4
    folds = folds_of(y, groups, 0)
    assert sorted(torch.cat([held for _, held in folds]).tolist()) == list(range(40))
    for train, held in folds:
        assert not {*groups[train].tolist()} & {*groups[held].tolist()}


def test_the_linear_layer_is_scikit_learns_regression_on_standardised_rows():
    from sklearn.linear_model import LogisticRegression

    generator = torch.Generator().manual_seed(0)
    table, y = torch.randn(90, 5, generator=generator) * 3 + 7, torch.arange(90) % 3
    scaled = (table - table.mean(0)) / table.std(0)
    expected = LogisticRegression(C=0.1, max_iter=1000).fit(scaled, y).predict_proba(scaled)
    found = Linear.fitted(table, y, 4)(table).softmax(1)
    assert torch.allclose(found[:, :3], torch.from_numpy(expected).float(), atol=1e-3) and found[:, 3].max() == 0


def test_a_column_that_hardly_varies_does_not_decide():
    table = torch.randn(60, 4, generator=torch.Generator().manual_seed(1))
    table[:, 3] = 1 + 1e-6 * torch.randn(60, generator=torch.Generator().manual_seed(2))
    layer = Linear.fitted(table, (table[:, 0] > 0).long(), 2)
    row = table[:1].clone()
    row[0, 3] += 0.01
    assert (layer(row) - layer(table[:1])).abs().max() < 0.1


def test_one_class_alone_is_always_predicted():
    assert Linear.fitted(torch.randn(5, 3), torch.ones(5, dtype=torch.int64), 2)(torch.randn(4, 3)).argmax(1).all()


def test_gap_is_smaller_for_photographs_than_for_noise_and_nothing_is_left_behind():
    encoder = tl.image_encoder("photos")
    surfaces = statistics_gap(encoder, tl.datasets.photos.surfaces("test", per_class=10).x)
    noise = statistics_gap(encoder, torch.rand(120, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert surfaces < noise / 3 and not any(m._forward_pre_hooks for m in encoder.modules())
    assert statistics_gap(torch.nn.Linear(3, 2), torch.randn(5, 3)) is None


def test_gap_of_texts_counts_the_pieces_of_words():
    minilm = view("minilm", texts=True)
    plain = tl.Domain(["the film was good", "a long day at work"], None, (), "english")
    jargon = tl.Domain(["Zwischenprüfungsordnung Kühlflüssigkeit", "Oberflächenspannung messen"], None, (), "german")
    assert gap(minilm, plain) == 0 and gap(minilm, jargon) > 1


def test_wilson_interval_of_a_textbook():
    low, high = share_interval(15, 20)  # Newcombe (1998)-style check: centre (15 + 1.92) / (20 + 3.84)
    assert (low + high) / 2 == pytest.approx((15 + 1.9207) / (20 + 3.8415), abs=1e-4) and 0 < low < 0.75 < high < 1
    for wrong in ((3, 2), (-1, 5), (0, 0)):
        with pytest.raises(ValueError, match="0 to n right of n rows"):
            share_interval(*wrong)


# ---------------------------------------------------------------- advice


def test_advice_names_what_it_measured(advice):
    assert [one.name for one in advice.learners] == ["raw pixels", "probe on photos"]
    assert advice.skipped == {"fine-tuning photos": "no time was left; allow more with minutes=…"}
    assert len(advice.domain) == 72 and advice.tested[advice.guard.choice].n == 18
    right = (advice.chosen.predicted == advice.domain.y).sum().item()
    assert advice.accuracy(advice.chosen).right == right and len(advice.mistakes(1000)) == len(advice.domain) - right
    text = str(advice)
    assert all(word in text for word in ("Advice on stripes", "What to mend first", "Gap: 0", "Not tried: fine-tuning"))
    assert max(map(len, text.splitlines())) <= 100


def test_the_same_data_and_seed_give_the_same_advice(advice):
    again = tl.advise(pictures(), minutes=0, encoders=["photos"])
    assert again.guard == advice.guard and torch.equal(again.chosen.probabilities, advice.chosen.probabilities)


def test_test_labels_change_no_choice():
    domain, test = pictures(), pictures(6, seed=1)
    liar = tl.Domain(test.x, (test.y + 1) % 3, test.classes, test.name)
    first, second = (tl.advise(own(domain, test=t), minutes=0, encoders=["photos"]) for t in (test, liar))
    assert first.guard == second.guard and torch.equal(first.model.linear.weight, second.model.linear.weight)
    assert first.tested != second.tested


def test_copies_of_test_rows_are_not_learnt_from():
    domain = pictures()
    advice = tl.advise(own(domain, test=domain.subset(torch.arange(0, 90, 9))), minutes=0, encoders=["photos"])
    assert len(advice.domain) == 80


def test_rows_without_label_are_learnt_from_and_asked_for():
    domain = pictures(60)
    y = domain.y.clone()
    y[torch.arange(0, len(y), 3)] = -1
    advice = tl.advise(tl.Domain(domain.x, y, domain.classes, "half"), minutes=0, encoders=["photos"])
    assert advice.unlabelled == 60 >= FEWEST and "self-training on photos" in [one.name for one in advice.learners]
    assert len(advice.ask) == 10 and all(int(place.split()[1]) % 3 == 0 for place in advice.ask)
    strange = tl.Domain(torch.where(y[:, None, None, None] < 0, 1 - domain.x, domain.x), y, domain.classes, "two")
    assert "two domains" in told(tl.advise(strange, minutes=0, encoders=["photos"]).remarks)


def test_fine_tuning_is_tried_where_there_is_time_and_its_weights_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("tlutils.learners.STEPS", 4)
    monkeypatch.setattr("tlutils.learners.FOLDS", 2)
    advice = tl.advise(pictures(20, 2), minutes=5, encoders=["photos"])
    tuned = next(one for one in advice.learners if one.name == "fine-tuned photos")
    model = tuned.train(torch.arange(len(advice.domain)))
    (tmp_path / "m").mkdir()
    model.save(tmp_path / "m", {})
    x = pictures(3, 2, seed=5).x
    assert torch.equal(tl.load_model(tmp_path / "m").probabilities(x), model.probabilities(x))


def test_a_saved_model_answers_alike_in_a_new_process(advice, tmp_path):
    report = advice.save(tmp_path / "out")
    x = pictures(3, seed=7).x
    files = []
    for n, image in enumerate(x):
        files.append(tmp_path / f"new {n}.png")
        Image.fromarray((image * 255).round().byte().permute(1, 2, 0).numpy()).save(files[-1])
    names, sure = tl.load_model(tmp_path / "out/model").answer(files)
    out = subprocess.run(
        [sys.executable, tmp_path / "out/model/predict.py", *files], capture_output=True, text=True, check=True
    ).stdout
    assert [line.split("\t")[:2] for line in out.splitlines()] == [
        [name, f"{p:.3f}"] for name, p in zip(names, sure, strict=True)
    ]
    assert torch.equal(tl.load_model(tmp_path / "out/model").probabilities(x), advice.model.probabilities(x))
    assert re.findall(r'<img [^>]*alt="[^"]+', report.read_text(encoding="utf-8"))


def test_nothing_is_replaced_without_force(advice, tmp_path):
    report = advice.save(tmp_path)
    report.write_text("mine")
    with pytest.raises(FileExistsError, match="report.html exists already"):
        advice.save(tmp_path)
    assert report.read_text() == "mine"
    (tmp_path / "notes.txt").write_text("kept")
    advice.save(tmp_path, force=True)
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "notes.txt", "report.html"]


def test_the_page_holds_no_marks_of_a_notebook(advice):
    assert "`" not in advice._repr_html_().partition("<img")[0] and "on held-out rows" in str(advice)


def test_names_from_the_data_are_escaped():
    texts = [f"{'good' if n % 2 else 'bad'} <script>alert({n})</script>" for n in range(30)]
    labels = torch.tensor([(n + n // 7) % 2 for n in range(30)])
    advice = tl.advise(tl.Domain(texts, labels, ("<b>", "&"), "<i>x</i>"), minutes=0)
    page = advice._repr_html_()
    assert "<script>" not in page and "<b>" not in page and "&lt;i&gt;x&lt;/i&gt;" in page


def test_saved_models_that_do_not_fit_are_refused(advice, tmp_path):
    (tmp_path / "model").mkdir()
    advice.learners[1].train(torch.arange(len(advice.domain))).save(tmp_path / "model", {})
    card = tmp_path / "model/card.json"
    written = json.loads(card.read_text(encoding="utf-8"))
    assert written["view"] == "photos"
    for change, message in (
        ({"version": 9}, "version 9"),
        ({"view": "phots"}, "did you mean 'photos'"),
        ({"fingerprint": "0"}, "'photos' is not the one that"),
    ):
        card.write_text(json.dumps(written | change), encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            tl.load_model(tmp_path / "model")
    card.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="cannot be read as a model's card"):
        tl.load_model(tmp_path / "model")
    with pytest.raises(FileNotFoundError, match="holds no card.json"):
        tl.load_model(tmp_path)


def test_data_that_nobody_can_advise_on():
    domain = pictures(1, 3)
    with pytest.raises(ValueError, match="two different examples each"):
        tl.advise(domain)
    with pytest.raises(ValueError, match="has no classes to learn"):
        tl.advise(domain.unlabelled())
    with pytest.raises(ValueError, match="images must be"):
        tl.advise(tl.Domain(torch.rand(4, 7), torch.tensor([0, 1, 0, 1]), ("a", "b"), "rows"))
    with pytest.raises(ValueError, match="only for data that are read from a path"):
        tl.advise(pictures(), label="y")
    for minutes in (-1, float("nan")):
        with pytest.raises(ValueError, match=f"minutes must be (0 or more|a number), got {minutes}"):
            tl.advise(pictures(), minutes=minutes)


# ---------------------------------------------------------------- command line


def test_command_line_on_a_table(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{'fine' if n % 2 else 'awful'} thing number {n},{'good' if n % 2 else 'bad'}" for n in range(60)]
    (tmp_path / "mine.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    assert main(["mine.csv", "--minutes", "0"]) == 0
    printed = capsys.readouterr()
    assert "Advice on mine" in printed.out and printed.err == "60 rows read; measuring them may take minutes\n"
    assert sorted(p.name for p in (tmp_path / "mine-advice/model").iterdir()) == [
        "card.json", "model.safetensors", "predict.py",
    ]  # fmt: skip
    assert main(["mine.csv"]) == 2 and "exists already" in capsys.readouterr().err
    assert tl.load_model("mine-advice/model").answer(["a fine thing"])[0] == ["good"]


def test_command_line_tells_what_is_wrong_in_one_line(tmp_path, capsys):
    (tmp_path / "one.csv").write_text("text,label\na,x\nb,x\n", encoding="utf-8")
    assert main([str(tmp_path / "one.csv"), "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("No advice: ") and "found only 'x'" in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("output", ["mine.csv", "mine.csv/advice", "mine.csv/deep/advice"])
def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path, capsys, monkeypatch, output):
    monkeypatch.setattr("tlutils.advice.advise", None)
    (tmp_path / "mine.csv").write_text("text,label\na,x\nb,y\n", encoding="utf-8")
    assert main([str(tmp_path / "mine.csv"), "--output", str(tmp_path / output)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"No advice: {tmp_path / output} cannot be written (")
    assert error.endswith("): name another folder with --output\n")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


def test_a_read_only_folder_is_refused_before_the_work(tmp_path, capsys, monkeypatch):
    def read_only(dir):
        raise OSError(30, "Read-only file system", str(dir))

    monkeypatch.setattr("tlutils.advice_page.tempfile.TemporaryFile", read_only)
    monkeypatch.chdir(tmp_path)
    assert main(["mine.csv"]) == 2
    assert capsys.readouterr().err == (
        "No advice: mine-advice cannot be written (Read-only file system): name another folder with --output\n"
    )
