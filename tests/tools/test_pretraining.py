"""The pretraining of the shipped base, and the facts about it that other code relies on."""

import json
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import GPT2LMHeadModel, GPT2TokenizerFast

from model.gpt2 import GPT2
from model.gpt2_config import GPT2Config
from model.pretrained.folder import hugging_face_config
from model.pretrained.tokenizer import END_OF_TEXT, Tokenizer
from tools.pretraining.__main__ import SHAPE, SONNETS
from tools.pretraining.checkpoint import DROPOUT, save_checkpoint
from tools.pretraining.cleaning import clean, plain
from tools.pretraining.corpus import refuse_overlap
from tools.pretraining.overlap import MARGIN, overlaps, read_sonnets, runs, without, words
from tools.pretraining.stream import encode, line_starts, windows
from tools.pretraining.training import Recipe, held_out_loss, train
from tools.pretraining.vocabulary import train_vocabulary

TINY = Path(__file__).parents[2] / "model" / "assets" / "tiny"
TEXT = 'Is "love" a paraphrase of "loue"?\n\nAnswer "yes" or "no": yes  no\tthee-\u00e9\n'


# --- cleaning


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("    Against the spiritual foe, and brought'st him thence        10\r", None),
        ("\u2018Tis _thine_\u2014 my  C\u00e6sar\u2019s  ", "'Tis thine-- my Caesar's"),
        ("............Of Cerberus and blackest Midnight born", "Of Cerberus and blackest Midnight born"),
        ("Stay . . . .", "Stay . . . ."),
        ("In 1609", "In 1609"),
        ("\t\x1a ", ""),
    ],
)
def test_a_line_becomes_plain_ascii(line: str, expected: str | None) -> None:
    assert plain(line) == (expected if expected is not None else "Against the spiritual foe, and brought'st him thence")


def test_a_text_loses_licence_indentation_and_spare_blank_lines() -> None:
    text = (
        "The Project Gutenberg EBook\r\n*** START OF THIS PROJECT GUTENBERG EBOOK X ***\r\n\r\n\r\n"
        "  A line,\r\n\r\n\r\n    another.\r\nProduced for Project Gutenberg by N.\r\n\r\n"
        "*** END OF THIS PROJECT GUTENBERG EBOOK X ***\r\nlicence\r\n"
    )
    assert clean(text) == ["A line,", "", "another."]
    assert clean("no markers\n") == ["no markers"]


# --- keeping the sonnets out

SONNET = ["From fairest creatures we desire increase,", "That thereby beauty's rose might never die,"]


def test_words_ignore_case_and_punctuation() -> None:
    assert words("Feed'st thy--SELF, self-same!") == ["feedst", "thy", "self", "selfsame"]


def test_eight_shared_words_overlap_and_seven_do_not() -> None:
    banned = runs([SONNET])
    seven = ["THAT THEREBY -- beautys rose;", "might never", "live"]
    eight = ["he said: we desire increase,", "that thereby", "beauty's rose might not"]
    assert overlaps(seven, banned) == set()
    assert overlaps(eight, banned) == {0, 1, 2}  # we desire increase that thereby beautys rose might


def test_a_run_does_not_join_two_documents() -> None:
    assert runs([["a b c d"], ["e f g h"]]) == set()


def test_a_passage_is_dropped_with_its_neighbours() -> None:
    before, after = [f"before {i}" for i in range(20)], [f"after {i}" for i in range(20)]
    pieces = without([*before, *SONNET, *after], runs([SONNET]))
    assert pieces == [before[:-MARGIN], after[MARGIN:]]
    assert without(SONNET, runs([SONNET])) == []
    assert without(before, runs([SONNET])) == [before]


def test_remaining_overlap_is_refused() -> None:
    refuse_overlap([["nothing of the kind"]], runs([SONNET]))
    with pytest.raises(RuntimeError, match="eight words of a sonnet"):
        refuse_overlap([["nothing"], SONNET], runs([SONNET]))


def test_the_sonnets_that_are_kept_out_are_all_of_them() -> None:
    sonnets = read_sonnets(SONNETS)
    assert len(sonnets) == 154
    assert sonnets[0][0] == "From fairest creatures we desire increase,"
    assert sorted({len(lines) for lines in sonnets}) == [12, 14, 15]  # 126 has twelve lines, 99 fifteen


# --- vocabulary, windows


def test_vocabulary_is_deterministic_and_contains_the_answers(tmp_path: Path) -> None:
    texts = ["\n".join(lines) for lines in read_sonnets(SONNETS)[:20]]
    first, second = train_vocabulary(texts, 400), train_vocabulary(texts, 400)
    assert first.to_str() == second.to_str()
    assert (first.get_vocab_size(), first.token_to_id(END_OF_TEXT)) == (400, 399)
    assert all(len(first.encode(word).ids) == 1 for word in ("yes", " yes", "no", " no", "Answer", " paraphrase"))
    assert first.decode(first.encode(TEXT).ids) == TEXT


def test_windows_start_at_line_starts() -> None:
    tokenizer = train_vocabulary(["one two\nthree"], 300)
    stream = encode(tokenizer, ["one two\nthree four", "five\n six"])
    starts = line_starts(tokenizer, stream)
    assert [tokenizer.decode([int(stream[start])])[:1] for start in starts] == ["t", "f", " "]
    batch = next(windows(stream, starts, 3, 50, torch.Generator().manual_seed(0)))
    assert batch.shape == (50, 4)
    assert set(batch[:, 0].tolist()) <= set(stream[starts].tolist())


# --- training


def test_pretraining_is_deterministic_and_learns() -> None:
    config = GPT2Config(
        vocab_size=11, n_positions=8, n_embd=16, n_layer=1, n_head=2, eos_token_id=10,
        embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0,
    )  # fmt: skip
    stream = torch.arange(10, dtype=torch.int32).repeat(20)
    recipe = Recipe(steps=60, batch=4, lr=1e-2, warmup=5)
    runs_ = [list(train(config, recipe, stream, torch.arange(100))) for _ in range(2)]
    assert [loss for _, loss, _ in runs_[0]] == [loss for _, loss, _ in runs_[1]]
    assert held_out_loss(runs_[0][-1][2], stream) < 0.5 < 2.0 < runs_[0][0][1]


def test_lr_rises_then_falls() -> None:
    recipe = Recipe(steps=100, batch=1, warmup=10, lr=1.0, final_lr=0.1)
    assert recipe.lr_at(0) == pytest.approx(0.1)
    assert recipe.lr_at(9) == recipe.lr_at(10) == pytest.approx(1.0)
    assert recipe.lr_at(55) == pytest.approx(0.55)
    assert recipe.lr_at(100) == pytest.approx(0.1)


# --- the shipped checkpoint


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_folder(TINY)


@pytest.fixture(scope="module")
def tiny() -> GPT2:
    return GPT2.from_state_dict(SHAPE, load_file(TINY / "model.safetensors"))


def test_tiny_base_is_small_and_its_config_matches(tiny: GPT2) -> None:
    assert sum(file.stat().st_size for file in TINY.iterdir()) < 6e6
    assert json.loads((TINY / "config.json").read_text()) == hugging_face_config(tiny.config) | DROPOUT


def test_saving_it_again_changes_nothing(tiny: GPT2, tokenizer: Tokenizer, tmp_path: Path) -> None:
    save_checkpoint(tiny, tokenizer.bpe, tmp_path / "again")
    for file in (tmp_path / "again").iterdir():
        assert file.read_bytes() == (TINY / file.name).read_bytes(), file.name


@pytest.mark.parametrize("word", ["yes", " yes", "no", " no", "Answer", " Answer", " paraphrase", END_OF_TEXT])
def test_an_answer_is_one_token(tokenizer: Tokenizer, word: str) -> None:
    assert len(tokenizer.encode(word)) == 1


def test_every_sonnet_fits(tokenizer: Tokenizer) -> None:
    longest = max(len(tokenizer.encode("\n".join(lines))) + 1 for lines in read_sonnets(SONNETS))
    prompt = max(len(tokenizer.encode("\n".join(lines[:3]) + "\n")) for lines in read_sonnets(SONNETS))
    assert max(longest, prompt + 128) <= SHAPE.n_positions


def test_hugging_face_reads_the_same_tokens(tokenizer: Tokenizer) -> None:
    theirs = GPT2TokenizerFast.from_pretrained(TINY)
    texts = [TEXT, "yes", " no", "", "\n\n", "a" + END_OF_TEXT, *("\n".join(s) for s in read_sonnets(SONNETS))]
    assert [theirs.encode(text) for text in texts] == [tokenizer.encode(text) for text in texts]
    assert theirs.eos_token_id == tokenizer.eos_id == SHAPE.eos_token_id


def test_the_older_pair_of_files_holds_the_same_vocabulary(tokenizer: Tokenizer, tmp_path: Path) -> None:
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).write_bytes((TINY / name).read_bytes())
    pair = Tokenizer.from_folder(tmp_path)
    assert pair.encode(TEXT) == tokenizer.encode(TEXT)
    assert pair.eos_id == tokenizer.eos_id


def test_hugging_face_computes_the_same_logits(tiny: GPT2) -> None:
    theirs = GPT2LMHeadModel.from_pretrained(TINY).eval()
    ids = torch.randint(SHAPE.vocab_size, (2, SHAPE.n_positions), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(tiny.eval()(ids), theirs(ids).logits, atol=1e-4, rtol=0)


def test_it_has_read_english(tiny: GPT2, tokenizer: Tokenizer) -> None:
    def loss(lines: list[str]) -> float:
        return held_out_loss(tiny.eval(), torch.tensor(tokenizer.encode("\n".join(lines)) * 9))

    sonnet = read_sonnets(SONNETS)[17]
    shuffled = " ".join(sonnet).split()
    random.Random(0).shuffle(shuffled)
    assert loss(sonnet) < 4.5 < loss([" ".join(shuffled)])
