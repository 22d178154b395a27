"""The details of a point as text for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweep.reporting.inspect.details import Details
from sweep.reporting.inspect.samples_text import short_lines
from sweep.reporting.inspect.text import INDENT, pair_lines, sparkline, table_lines
from sweep.reporting.numbers import cell_format, decimals, duration, plain_text, setting_text, size
from sweep.reporting.printable import printable
from sweep.reporting.verdicts.sentence import signed

EPOCHS = 12  # lines of a learning curve
DIGITS = 12  # of a hash


def details_text(found: Details) -> str:
    """Return what `sweep show` prints."""
    sections = {
        "settings that vary in this run": pair_lines(_texts(found.varying)),
        "other settings": pair_lines(_texts(found.common)),
        "scores": _scores(found),
        "learning curve": _curve(found),
        "cost": pair_lines(dict(_cost(found.cost))),
        "provenance": pair_lines(dict(_provenance(found.provenance))),
        "first samples": [line for sample in found.samples for line in short_lines(sample)],
    }
    lines = list(_heading(found))
    for title, body in sections.items():
        if body:
            lines += ["", title, *body]
    return "\n".join(lines)


def _heading(found: Details) -> Iterator[str]:
    rank = f", rank {found.rank} of {found.ranked} by {found.metric}" if found.rank else ""
    yield f"point {found.point_id} of {found.run}: {found.status}{rank}"
    variant = f"{printable(found.variant)}; " if found.variant else ""
    reached = (
        f"epoch {found.epoch} of {found.epochs_budget}" if found.epoch else f"{found.epochs_budget} epochs planned"
    )
    yield f"{variant}trial {found.trial_id}, {reached if found.epochs_budget else 'the base without fine-tuning'}"
    yield from (printable(text) for text in (found.reason, found.note) if text)


def _texts(settings: Mapping[str, Any]) -> dict[str, str]:
    return {key: "not set" if value is None else setting_text(value) for key, value in settings.items()}


def _scores(found: Details) -> list[str]:
    records = []
    for name, one in found.scores.items():
        digits = decimals(name, [one.value])
        gain = "" if one.gain is None else signed(one.gain)
        records.append([name, *(plain_text(value, digits) for value in (one.value, one.draw_sd, one.baseline)), gain])
    names = ["score", "value", "sd of draws", "baseline", "gain"]
    shown = [place for place, name in enumerate(names) if name == "score" or any(record[place] for record in records)]
    return (
        table_lines([names[place] for place in shown], [[one[place] for place in shown] for one in records], ["score"])
        if records
        else []
    )


def _curve(found: Details) -> list[str]:
    source = found.provenance["cached_from"]
    if not found.curve:
        return [f"{INDENT}in the run that computed it: sweep show {source} {found.point_id}"] if source else []
    names = list(found.curve[0])
    formats = [cell_format(name, [row[name] for row in found.curve]) for name in names]
    rows = [found.curve[place] for place in _spread(len(found.curve))]
    records = [[write(row[name]) for name, write in zip(names, formats, strict=True)] for row in rows]
    losses = [row["dev_loss"] for row in found.curve]
    return [f"{INDENT}dev_loss  {sparkline(losses)}", *table_lines(names, records)]


def _spread(count: int) -> list[int]:
    """Return at most EPOCHS places of `count`, evenly spread, with the first and the last."""
    if count <= EPOCHS:
        return list(range(count))
    return sorted({round(place * (count - 1) / (EPOCHS - 1)) for place in range(EPOCHS)})


def _cost(spent: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if spent["train_seconds"]:
        speed = f" ({spent['tokens_per_second']:,.0f} a second)" if spent["tokens_per_second"] else ""
        yield "training", f"{duration(spent['train_seconds'])}, {spent['train_tokens']:,} tokens{speed}"
    if spent["decode_seconds"] is not None:
        yield "scoring", duration(spent["decode_seconds"])
    if spent["trainable_params"] is not None:
        share = f"{100 * (spent['trainable_share'] or 0):.3g} %"
        yield "trained", f"{spent['trainable_params']:,} of {spent['total_params']:,} parameters ({share})"
    if spent["peak_memory_bytes"] is not None:
        state = spent["optimizer_state_bytes"]
        yield (
            "memory",
            f"peak {size(spent['peak_memory_bytes'])}" + (f", optimizer state {size(state)}" if state else ""),
        )


def _provenance(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    revision = f", revision {found['base_revision']}" if found["base_revision"] else ""
    yield "base", f"{found['base']}{revision}, SHA-256 {found['base_sha256'][:DIGITS]}"
    yield "data", f"{found['data'] or 'built in'}, SHA-256 {found['data_sha256'][:DIGITS]}"
    commits = [f"commit {found['tool_commit']}"] if found["tool_commit"] else []
    yield "code", ", ".join([f"numerics SHA-256 {found['numerics_sha256'][:DIGITS]}", *commits])
    for name, sha256 in found["extensions"].items():
        yield "extension", f"{name}, SHA-256 {sha256[:DIGITS]}"
    yield "versions", ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    yield "device", f"{found['device']}, {found['threads']} thread{'s' if found['threads'] != 1 else ''}"
    if found["cached_from"]:
        yield "computed", f"by the run {found['cached_from']}"
    yield from _times(found)


def _times(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    times: Sequence[Any] = [found["started_at"], found["ended_at"]]
    said = [
        f"{word} {time:%Y-%m-%d %H:%M:%S} UTC" for word, time in zip(("started", "ended"), times, strict=True) if time
    ]
    if said:
        yield "time", ", ".join([*said, *([f"attempt {found['attempt']}"] if found["attempt"] else [])])
