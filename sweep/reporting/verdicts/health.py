"""Health checks: what may be wrong with a study, and what to do about it."""

from collections.abc import Sequence

from sweep.reporting.verdicts import settings_health, training_health
from sweep.reporting.verdicts.check import Check, Evidence, Level
from sweep.reporting.verdicts.study import Study


def health(study: Study, evidence: Evidence) -> list[Check]:
    """Return every check. Checks of settings use the largest set of comparable ones."""
    if not study.sets:
        return []
    place = max(range(len(study.sets)), key=lambda place: len(study.sets[place]))
    groups, found, keys = study.sets[place], study.standings(place), study.varying
    return [
        training_health.lost(study.rows),
        training_health.epochs(evidence.curves),
        training_health.rungs(evidence.rungs),
        training_health.examples(evidence.examples),
        settings_health.missing_seeds(groups),
        settings_health.baseline(found),
        settings_health.noise(found),
        settings_health.duplicates(study, groups, found.metric),
        settings_health.disagreement(groups, found.metric),
        settings_health.unusual_seed(found),
        *settings_health.edges(groups, keys, found.metric),
        *settings_health.idle_axes(groups, keys, found.metric),
    ]


def health_lines(checks: Sequence[Check]) -> list[str]:
    """Return a line for each finding, problems first, one for all that is well, and one for what was not checked."""
    found = [one for level in (Level.PROBLEM, Level.NOTE) for one in checks if one.level == level]
    lines = [f"{one.level}: {one.text}" for one in found]
    for level in (Level.OK, Level.UNKNOWN):
        names = dict.fromkeys(one.name for one in checks if one.level == level)
        lines += [f"{level}: {', '.join(names)}"] if names else []
    return lines
