"""The references of a paper: those of the methods, data and statistics that its runs used."""

import re
from collections.abc import Iterable
from importlib.resources import files

ENTRY = re.compile(r"@\w+\{([^,\s]+),")
# What cites which entries.
DATA = {"qqp": ("iyer2017qqp", "wang2019glue"), "sst5": ("socher2013sst",)}  # by the name of the data
METHODS = {
    "adamw": ("loshchilov2019adamw",),
    "soap": ("vyas2024soap",),
    "lora": ("hu2022lora",),
    "smart": ("jiang2020smart",),
    "decode.top_p": ("holtzman2020nucleus",),
    "decode.top_k": ("fan2018topk",),
}
METRICS = {
    **dict.fromkeys(("chrf", "chrf_new"), ("popovic2015chrf", "post2018sacrebleu")),
    "bleu": ("papineni2002bleu", "post2018sacrebleu"),
    "rouge_l": ("lin2004rouge",),
}
SEARCHES = {
    "random": ("bergstra2012random",),
    "tpe": ("bergstra2011tpe", "akiba2019optuna"),
    **dict.fromkeys(("asha", "asha-promote"), ("li2020asha",)),
}
TOOLS = {"torch": ("paszke2019pytorch",), "ray": ("moritz2018ray", "liaw2018tune")}
CITED = re.compile(r"\\cite\{([^}]*)\}")


def cite(*keys: str) -> str:
    """Return the LaTeX command that cites entries of references.bib; "" for none."""
    return rf"~\cite{{{','.join(keys)}}}" if keys else ""


def entries() -> dict[str, str]:
    """Return every known reference as a BibTeX entry, by its key."""
    text = files("sweep.paper").joinpath("references.bib").read_text(encoding="utf-8")
    blocks = (block.strip() for block in re.split(r"\n(?=@)", text))
    return {found[1]: block for block in blocks if (found := ENTRY.match(block))}


def references_bib(sources: Iterable[str]) -> str:
    """Return the BibTeX entries that LaTeX `sources` cite, by key. Raise KeyError for an unknown key."""
    known = entries()
    keys = {key for source in sources for group in CITED.findall(source) for key in group.split(",")}
    return "\n\n".join(known[key] for key in sorted(keys))
