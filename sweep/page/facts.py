"""What was run: commands, versions, base, data and hashes, as a page lists them."""

from sweep.charts.source import Source
from sweep.planning.sources import Source as Content
from sweep.reporting.numbers import duration
from sweep.store.activity import activity

HASH = 12  # characters of a hash; run.json has it in full


def facts(source: Source) -> list[tuple[str, str]]:
    """Return names and texts. Absolute paths of the machine are left out, since pages are passed on."""
    spec, state = source.folder.spec, source.state
    provenance = spec.provenance
    commands = [" ".join(session.command) for session in state.sessions] or [" ".join(spec.command)]
    commits = [name for name in (provenance.tool_commit, provenance.folder_commit) if name]
    return [
        ("space", f"{spec.space}: {spec.about.strip().splitlines()[0]}" if spec.about.strip() else spec.space),
        ("started", spec.created_at),
        ("now", activity(source.folder, state)),
        ("commands", "\n".join(dict.fromkeys(commands))),
        ("work", f"{duration(sum(state.seconds))} in {len(state.sessions)} sessions"),
        ("search and scheduler", f"{spec.tune_config.search}, {spec.tune_config.scheduler}"),
        (
            "trials",
            f"{len(spec.plan.trials)} planned, with {spec.cpus_per_trial} CPUs and {spec.gpus_per_trial} GPUs each",
        ),
        ("base", "\n".join(_content(name, one) for name, one in provenance.bases.items())),
        ("data", "\n".join(_content(name, one) for name, one in provenance.data.items())),
        ("long texts", "\n".join(str(long) for long in spec.long_texts) or "none were cut"),
        ("device", f"{provenance.device}, {provenance.threads} threads for each trial"),
        ("versions", ", ".join(f"{name} {version}" for name, version in provenance.versions.items())),
        ("training code", f"sha256 {provenance.numerics_sha256[:HASH]}"),
        ("commits", ", ".join(commits) or "not recorded"),
    ]


def _content(name: str, content: Content) -> str:
    """Return the name and hash of a base or of data."""
    revision = f", revision {content.revision[:HASH]}" if content.revision else ""
    return f"{name.rstrip('@:')}: sha256 {content.sha256[:HASH]}{revision}"
