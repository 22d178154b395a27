"""What `--dry-run` says: points, trainings, what is cached, what the rest would take."""

from collections.abc import Iterator

from sweep.execution.resources import room
from sweep.forecast.estimate import estimate, heaviest, lines
from sweep.forecast.measure import measure
from sweep.planning.plan import Plan
from sweep.prepare import Prepared
from sweep.tuning.searchers import draw_all


def preview(prepared: Prepared, concurrency: int | None, measured: bool) -> Iterator[str]:
    """The lines. `measured`: train one epoch of the heaviest trial that is left, to estimate by."""
    spec, strategy = prepared.spec, prepared.spec.strategy
    about = prepared.file.about.splitlines()[0] if prepared.file.about else ""
    yield f"space      {prepared.file.name}: {about}"
    plan = spec.plan
    if spec.search_space is not None:
        drawn = draw_all(spec.search_space, strategy.trials or 0)
        plan = Plan(tuple(point for each in drawn for point in each.points))
        yield f"search     {strategy.search}: what follows is of {len(drawn)} points drawn at random in its place"
    yield f"points     {len(plan.points):,}"
    yield f"trainings  {len(plan.trials):,}, of {plan.epochs:,} epochs together"
    yield f"saved      {plan.epochs_unshared - plan.epochs:,} epochs that points share: {_shared(prepared, plan)}"
    cached = prepared.cached(plan)
    yield f"cached     {len(cached & {p.point_id for p in plan.points}):,} points that earlier runs have computed"
    if strategy.scheduler != "fifo":
        yield f"scheduler  {strategy.scheduler}: at most what follows, since it stops most trainings early"
    point = heaviest(plan, spec.provenance, cached) if measured else None
    gpu = spec.gpus_per_trial > 0
    yield from lines(
        estimate(
            plan,
            spec.provenance,
            prepared.request.out,
            concurrency=concurrency or max(1, room(spec.cpus_per_trial, spec.gpus_per_trial)),
            keep=spec.limits.keep,
            measured=measure(point, spec.cpus_per_trial, gpu) if point is not None else None,
            cached=cached,
        )
    )


def _shared(prepared: Prepared, plan: Plan) -> str:
    shared, alone = prepared.forward_passes(plan)
    return f"{alone - shared:,} of {alone:,} forward passes of training ({1 - shared / alone:.0%})" if alone else "0"
