"""What was run: commands, versions, base, data and hashes, as a page lists them."""

from sweep.charts.source import Source
from sweep.planning.sources import Source as Content
from sweep.reporting.numbers import counted, duration
from sweep.store.activity import activity


def facts(source: Source) -> list[tuple[str, str]]:
    """Return names and texts. Commands and names of data are as typed; where else they were found is left out."""
    spec, state = source.folder.spec, source.state
    provenance = spec.provenance
    commands = [" ".join(session.command) for session in state.sessions] or [" ".join(spec.command)]
    commits = dict.fromkeys(name for name in (provenance.tool_commit, provenance.folder_commit) if name)
    return [
        ("space", f"{spec.space}: {spec.about.strip()}" if spec.about.strip() else spec.space),
        ("size", _size(source)),
        ("started", f"{spec.created_at[:16].replace('T', ' ')} UTC"),
        ("now", activity(source.folder, state)),
        ("commands", "\n".join(dict.fromkeys(commands))),
        ("work", f"{duration(sum(state.seconds))} in {counted(len(state.sessions), 'session')}"),
        ("search and scheduler", f"{spec.tune_config.search}, {spec.tune_config.scheduler}"),
        ("a trial has", f"{counted(spec.cpus_per_trial, 'CPU')} and {_gpus(spec.gpus_per_trial)}"),
        ("base", "\n".join(_content(name, one) for name, one in provenance.bases.items())),
        ("data", "\n".join(_content(name, one) for name, one in provenance.data.items())),
        ("long texts", "\n".join(str(long) for long in spec.long_texts) or "none were cut"),
        ("device", f"{provenance.device}, {counted(provenance.threads, 'thread')} for each trial"),
        ("versions", ", ".join(f"{name} {version}" for name, version in provenance.versions.items())),
        ("training code", f"sha256 {provenance.numerics_sha256}"),
        ("commits", ", ".join(commits) or "not recorded"),
    ]


def _gpus(share: float) -> str:
    return f"{share:g} GPU" if share else "no GPU"


def _size(source: Source) -> str:
    """Return how many configurations, seeds, rows and trials the run has."""
    seeds = sorted({row["seed"] for row in source.rows})
    trials = len({row["trial_id"] for row in source.rows})
    configurations = counted(len(source.study.groups), "configuration")
    known = f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}" if seeds else "no seed"
    shared = (
        "; configurations that differ in decoding or epochs alone share a trial" if trials < len(source.rows) else ""
    )
    return f"{configurations}, {known}: {counted(len(source.rows), 'row')} from {counted(trials, 'trial')}{shared}"


def _content(name: str, content: Content) -> str:
    """Return the name and hash of a base or of data."""
    revision = f", revision {content.revision}" if content.revision else ""
    return f"{name.rstrip('@:')}: sha256 {content.sha256}{revision}"
