"""Command line: `python -m tools.pretraining --work DIR --out FOLDER`."""

import argparse
import time
from pathlib import Path

import torch

from model.gpt2_config import GPT2Config
from tools.pretraining.checkpoint import save_checkpoint
from tools.pretraining.corpus import build_corpus
from tools.pretraining.overlap import read_sonnets
from tools.pretraining.stream import encode, line_starts
from tools.pretraining.training import Recipe, held_out_loss, train
from tools.pretraining.vocabulary import train_vocabulary

SONNETS = Path(__file__).parents[2] / "model" / "assets" / "sonnets" / "sonnets.txt"
SHAPE = GPT2Config(
    vocab_size=3072,
    n_positions=256,  # the longest sonnet has 222 tokens
    n_embd=96,
    n_layer=2,
    n_head=3,
    eos_token_id=3071,
)
RECIPE = Recipe(steps=2_500, batch=8, lr=1e-2)
REPORT_EVERY = 250  # steps


def main() -> None:
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.work.mkdir(parents=True, exist_ok=True)
    corpus = build_corpus(arguments.work, read_sonnets(SONNETS))
    tokenizer = train_vocabulary(corpus.training, SHAPE.vocab_size)
    stream, held_out = encode(tokenizer, corpus.training), encode(tokenizer, corpus.held_out)
    bytes_per_token = sum(len(text) + 1 for text in corpus.held_out) / len(held_out)
    print(f"{len(stream):,} training tokens, {len(held_out):,} held out ({bytes_per_token:.3f} bytes each)")

    began = time.perf_counter()
    for step, loss, model in train(SHAPE, RECIPE, stream, line_starts(tokenizer, stream)):
        if step % REPORT_EVERY == 0 or step == RECIPE.steps:
            held = held_out_loss(model, held_out)
            print(
                f"step {step:,} of {RECIPE.steps:,}, {time.perf_counter() - began:,.0f} s: loss {loss:.3f}, "
                f"held out {held:.4f} nats/token, {held / bytes_per_token:.4f} nats/byte",
                flush=True,
            )
            save_checkpoint(model, tokenizer, arguments.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.pretraining", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for downloads, kept between runs")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; affects rounding")
    return parser


if __name__ == "__main__":
    main()
