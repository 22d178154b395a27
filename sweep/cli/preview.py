"""What `--dry-run` says: points, trainings, what is cached, what the rest would take."""

from collections.abc import Iterator

from sweep.execution.resources import max_concurrent_trials
from sweep.forecast.estimate import estimate, heaviest, lines
from sweep.forecast.measure import measure
from sweep.planning.plan import Plan
from sweep.prepare import PreparedRun
from sweep.tuning.searchers import suggest_all


def preview(prepared: PreparedRun, concurrency: int | None, measured: bool) -> Iterator[str]:
    """The lines. `measured`: train one epoch of the heaviest trial that is left, to estimate by."""
    spec, tune_config = prepared.spec, prepared.spec.tune_config
    about = prepared.file.about.splitlines()[0] if prepared.file.about else ""
    yield f"space      {prepared.file.name}: {about}"
    plan = spec.plan
    if spec.search_space is not None:
        drawn = suggest_all(spec.search_space, tune_config.num_samples or 0)
        plan = Plan(tuple(point for each in drawn for point in each.points))
        yield f"search     {tune_config.search}: what follows is of {len(drawn)} points drawn at random in its place"
    yield f"points     {len(plan.points):,}"
    yield f"trainings  {len(plan.trials):,}, of {plan.epochs:,} epochs together"
    yield f"saved      {plan.epochs_unshared - plan.epochs:,} epochs that points share: {_shared(prepared, plan)}"
    cached = prepared.cached(plan)
    yield f"cached     {len(cached & {p.point_id for p in plan.points}):,} points that earlier runs have computed"
    if tune_config.scheduler != "fifo":
        yield f"scheduler  {tune_config.scheduler}: at most what follows, since it stops most trainings early"
    point = heaviest(plan, spec.provenance, cached) if measured else None
    gpu = spec.gpus_per_trial > 0
    yield from lines(
        estimate(
            plan,
            spec.provenance,
            prepared.request.out,
            concurrency=concurrency or max(1, max_concurrent_trials(spec.cpus_per_trial, spec.gpus_per_trial)),
            keep=spec.limits.keep,
            measured=measure(point, spec.cpus_per_trial, gpu) if point is not None else None,
            cached=cached,
        )
    )


def _shared(prepared: PreparedRun, plan: Plan) -> str:
    shared, alone = prepared.forward_passes(plan)
    return f"{alone - shared:,} of {alone:,} forward passes of training ({1 - shared / alone:.0%})" if alone else "0"
