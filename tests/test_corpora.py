"""Published texts: the real files where the mirror has them, small ones of the same layout where not."""

import gzip

import pytest
import torch

from tlutils.datasets import corpora
from tlutils.store import manifest


@pytest.fixture
def stored(monkeypatch, tmp_path):
    """Let the store hold given files."""

    def put(**files):
        paths = {}
        for number, (name, content) in enumerate(files["files"].items()):
            paths[name] = tmp_path / str(number)
            paths[name].write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.setattr(corpora, "fetch", paths.__getitem__)

    return put


@pytest.mark.parametrize(("part", "counts"), [("train", [3310, 3610]), ("dev", [428, 444]), ("test", [912, 909])])
def test_sst2_is_complete(real, part, counts):
    real(f"en_sst2_sentences/{part}.tsv")
    domain = corpora.sst2(part)
    assert torch.bincount(domain.y).tolist() == counts and len(domain.x) == sum(counts)
    assert domain.classes == ("negative", "positive") and domain.name == f"SST-2, {part}"


@pytest.mark.parametrize(("part", "counts"), [("dev", [2509, 2458, 2496, 2538]), ("test", [1900] * 4)])
def test_ag_news_is_complete(real, part, counts):
    real(f"en_ag_news/{part}.tsv")
    domain = corpora.ag_news(part)
    assert torch.bincount(domain.y).tolist() == counts and domain.classes[3] == "Sci/Tech"


@pytest.mark.parametrize("category", corpora.CATEGORIES)
def test_the_amazon_reviews_are_complete(real, category):
    real(*(f"en_amazon_blitzer_raw/{category}_{kind}.parsed" for kind in corpora.SENTIMENT))
    domain = corpora.amazon(category)
    assert torch.bincount(domain.y).tolist() == [1000, 1000] and domain.y[0] == 0
    assert all(text and text == " ".join(text.split()) for text in domain.x)


def test_the_hotel_reviews_are_complete_but_for_the_empty_one(real):
    real("zh_chnsenticorp_htl_all/ChnSentiCorp_htl_all.csv")
    domain = corpora.chnsenticorp()
    assert torch.bincount(domain.y).tolist() == [2443, 5322] and all(text.strip() for text in domain.x)
    assert domain.x[1] == "商务大床房，房间很大，床有2M宽，整体感觉经济实惠不错!" and domain.y[1] == 1


def test_the_sentence_pairs_are_complete_and_aligned(real):
    real("bi_tatoeba_cmn_eng/cmn.txt", "bi_xnli_en_zh/dev-en.tsv", "bi_xnli_en_zh/dev-zh.tsv")
    english, chinese = corpora.tatoeba()
    assert len(english) == len(chinese) == 21116 and (english[2], chinese[2]) == ("Run.", "你用跑的。")
    english, chinese = corpora.xnli_pairs()
    assert len(english) == len(chinese) == len(set(zip(english, chinese, strict=True)))
    assert chinese[english.index("He didn't say a word.")] == "他没说一句话。"


def test_the_dictionary_is_complete(real):
    real("bi_cc_cedict/cedict_1_0_ts_utf-8_mdbg.txt.gz")
    entries = corpora.cc_cedict()
    assert 110_000 < len(entries) < 117_512 and entries["酒店"][0] == "wine shop"
    assert entries["好"].index("good") == 0 and "to be fond of" in entries["好"], "both readings"
    assert all(glosses and all(glosses) for glosses in entries.values())


def test_layouts_with_everything_that_is_odd_in_them(stored):
    cedict = "# CC-CEDICT\n好 好 [hao3] /good/well/\n馬 马 [ma3] /horse/\n好 好 [hao4] /to like/\n% % [pa1] /percent/\n"
    stored(
        files={
            "bi_cc_cedict/cedict_1_0_ts_utf-8_mdbg.txt.gz": gzip.compress(cedict.encode()),
            "en_sst2_sentences/dev.tsv": 'a "good" film\t1\nbad\t0\n',
            "bi_xnli_en_zh/test-en.tsv": "A.\tB.\nA.\tC.\n",
            "bi_xnli_en_zh/test-zh.tsv": "甲。\t乙。\n甲。\t丙。\n",
            "en_amazon_blitzer_raw/dvd_negative.parsed": "<reviews>\n<review>\tso\r\n  bad </review>\n</reviews>",
            "en_amazon_blitzer_raw/dvd_positive.parsed": "<reviews><review>a</review><review>b</review></reviews>",
            "zh_chnsenticorp_htl_all/ChnSentiCorp_htl_all.csv": 'label,review\n1,"好,""真""好"\n0,\n0,差\n',
        }
    )
    assert corpora.cc_cedict() == {"好": ["good", "well", "to like"], "马": ["horse"], "%": ["percent"]}
    assert corpora.sst2("dev").x == ['a "good" film', "bad"] and corpora.sst2("dev").y.tolist() == [1, 0]
    assert corpora.xnli_pairs("test") == (["A.", "B.", "C."], ["甲。", "乙。", "丙。"])
    assert corpora.amazon("dvd").x == ["so bad", "a", "b"] and corpora.amazon("dvd").y.tolist() == [0, 1, 1]
    assert corpora.chnsenticorp().x == ['好,"真"好', "差"] and corpora.chnsenticorp().y.tolist() == [1, 0]


def test_unknown_names_are_named():
    for function, name in ((corpora.sst2, "validation"), (corpora.ag_news, "train"), (corpora.xnli_pairs, "train")):
        with pytest.raises(ValueError, match=f"unknown part '{name}'"):
            function(name)
    with pytest.raises(ValueError, match="unknown category 'book': did you mean 'books'"):
        corpora.amazon("book")


def test_every_file_has_its_public_address_hash_and_licence():
    folders = ("en_sst2", "en_ag_news", "en_amazon", "zh_chnsenticorp", "bi_tatoeba", "bi_xnli", "bi_cc_cedict")
    entries = {name: entry for name, entry in manifest().items() if name.startswith(folders)}
    assert len(entries) == 20
    for name, entry in entries.items():
        assert len(entry["sha256"][0]) == 64 and entry["bytes"] > 0 and entry["licence"] and entry["citation"]
        assert entry["urls"][0].startswith("https://"), name
