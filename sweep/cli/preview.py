"""What `--dry-run` prints: points, trials, what is cached, and what the rest would cost."""

from collections.abc import Iterator

from sweep.execution.resources import max_concurrent_trials
from sweep.forecast.estimate import estimate, heaviest, lines
from sweep.forecast.measure import measure
from sweep.planning.plan import Plan
from sweep.prepare import PreparedRun
from sweep.tuning.searchers import suggest_all


def preview(prepared: PreparedRun, concurrency: int | None, measured: bool) -> Iterator[str]:
    """Yield the lines. `measured`: train one epoch of the heaviest open trial first, to estimate from it."""
    spec, tune_config = prepared.spec, prepared.spec.tune_config
    about = prepared.file.about.splitlines()[0] if prepared.file.about else ""
    yield f"space      {prepared.file.name}: {about}"
    plan = spec.plan
    if spec.search_space is not None:
        suggested = suggest_all(spec.search_space, tune_config.num_samples or 0)
        plan = Plan(tuple(point for each in suggested for point in each.points))
        yield f"search     {tune_config.search}: what follows is estimated from {len(suggested)} random points"
    yield f"points     {len(plan.points):,}"
    yield f"trials     {len(plan.trials):,}, {plan.epochs:,} epochs in total"
    yield f"shared     {plan.epochs_unshared - plan.epochs:,} epochs saved by sharing trials: {_shared(prepared, plan)}"
    yield from (f"cut        {long}" for long in spec.long_texts)
    cached = prepared.cached(plan)
    yield f"cached     {len(cached & {p.point_id for p in plan.points}):,} points computed by earlier runs"
    if tune_config.scheduler != "fifo":
        yield f"scheduler  {tune_config.scheduler}: upper bounds follow, as most trials will be stopped early"
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
    """Return the forward passes of training that sharing saves."""
    shared, alone = prepared.forward_passes(plan)
    return f"{alone - shared:,} of {alone:,} forward passes of training ({1 - shared / alone:.0%})" if alone else "0"
