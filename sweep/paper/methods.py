"""The methods paragraph of a run, from what was recorded of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.task_specs import TASKS
from sweep.paper import recorded
from sweep.paper.blocks import Block
from sweep.paper.names import macro_word, metric_name, setting_name, value_text
from sweep.paper.numbers import Numbers, of_run
from sweep.paper.references import DATA, METHODS, METRICS, SEARCHES, TOOLS, cite
from sweep.paper.source import PaperRun
from sweep.paper.texts import breakable, listed, plain
from sweep.planning.axes import Range
from sweep.reporting.numbers import counted
from sweep.store.state import full_plan

MOST_VALUES = 12  # of a setting, that are listed one by one
SPLITS = {"train": "training", "dev": "development", "test": "test"}
SEARCH = {
    "grid": "A full grid gives",
    "random": "Random search draws",
    "tpe": "A tree-structured Parzen estimator draws",
}
METHOD_NAMES = {"lora": "LoRA", "smart": "SMART"}
PACKAGES = {"torch": "PyTorch", "ray": "Ray"}


@dataclass(frozen=True, kw_only=True)
class Methods:
    """Writes the methods paragraph of a run."""

    run: PaperRun
    blocks: Sequence[Block]
    numbers: Numbers

    def tex(self) -> str:
        """Return the paragraph as LaTeX source."""
        sentences = [
            self._data(),
            self._search(),
            self._seeds(),
            self._scheduler(),
            self._training(),
            self._decoding(),
            self._ranking(),
            self._machine(),
        ]
        return "\n".join([rf"\paragraph{{{breakable(self.run.name)}.}}", *filter(None, sentences)])

    def _number(self, name: str, value: str, what: str) -> str:
        return self.numbers.add(self.run.word + name, value, of_run(what, self.run.name))

    def _setting(self, key: str, value: Any) -> str:
        return f"{setting_name(key)} " + self._number(
            macro_word(key.replace(".", " ")), value_text(value), f"setting {key}"
        )

    def _data(self) -> str:
        sets = recorded.data_sets(self.run)
        names = recorded.base_names(self.run)
        bases = listed([rf"\emph{{{breakable(name)}}}" for name in names])
        tasks = listed([self._data_set(one, several=len(sets) > 1) for one in sets])
        model = "are GPT-2 models" if len(names) > 1 else "is a GPT-2 model"
        start = "bases" if len(names) > 1 else "base"
        return (
            f"The {start} {bases} {model}{cite('radford2019gpt2')}; "
            f"{'they are' if len(names) > 1 else 'it is'} fine-tuned on {tasks}."
        )

    def _data_set(self, one: recorded.DataSet, several: bool) -> str:
        word = macro_word(str(one.name or one.task)) if several else ""
        sizes = [self._size(word, split, size) for split, size in one.sizes.items()]
        name = f" with the data {breakable(one.name)}" if one.name else ""
        known = f"{listed(sizes)} examples" if sizes else "sizes of the splits: not recorded"
        return f"the task {plain(one.task)}{name}{cite(*DATA.get(one.name or '', ()))} ({known})"

    def _size(self, word: str, split: str, size: int) -> str:
        name = SPLITS[split]
        return f"{self._number(f'{word}{name.title()}Examples', f'{size:,}', f'{split} examples')} {name}"

    def _search(self) -> str:
        search, groups = self.run.spec.tune_config.search, self.run.study.groups
        count = self._number("Configurations", f"{len(groups):,}", "number of configurations")
        noun = "configuration" if len(groups) == 1 else "configurations"
        axes = recorded.searched(self.run)
        if not axes:
            return f"The run has {count} {noun}."
        if any(group.variant for group in groups):
            return f"The {count} {noun} differ in {listed([setting_name(key) for key in axes])}."
        start = f"{SEARCH.get(search, 'The search draws')} {count} {noun}{cite(*SEARCHES.get(search, ()))}"
        return f"{start}: {'; '.join(_axis(key, values) for key, values in axes.items())}."

    def _seeds(self) -> str:
        seeds, trials = recorded.seeds_of(self.run), recorded.trained_trials(self.run)
        number = self._number("Seeds", f"{len(seeds):,}", "number of seeds")
        total = self._number("Trials", f"{len(trials):,}", "number of trained trials")
        same = f"{number} seed ({seeds[0]})"
        if len(seeds) > 1:
            same = f"{number} seeds ({seeds[0]} to {seeds[-1]}), the same for all"
        noun = "trial" if len(trials) == 1 else "trials"
        if len(trials) == len(self.run.rows):
            return f"Each is trained with {same}, which makes {total} {noun}."
        shared = "configurations that differ only in decoding or in their number of epochs share a trial"
        return f"Each is trained with {same}; {shared}. {total} {noun} were trained."

    def _scheduler(self) -> str:
        config = self.run.spec.tune_config
        if config.scheduler == "fifo":
            return ""
        name = "ASHA" if config.scheduler.startswith("asha") else plain(config.scheduler)
        score = "the main metric of the task" if config.objective == "metric" else "dev loss"
        return (
            f"{name}{cite(*SEARCHES.get(config.scheduler, ()))} compares trials by {score} at rungs, the first after "
            f"{counted(config.grace_period, 'epoch')}, and keeps the best of every {config.reduction_factor} at each."
        )

    def _training(self) -> str:
        points = full_plan(self.run.spec, self.run.state).points
        budgets = sorted({point.epochs for point in points})
        epochs = listed([f"{budget:,}" for budget in budgets])
        if len(budgets) == 1:
            epochs = self._number("Epochs", epochs, "number of epochs")
        names = dict.fromkeys([point.train.optimizer for point in points])
        optimizers = listed([f"{value_text(name)}{cite(*METHODS.get(name, ()))}" for name in names])
        used = [key for key in ("lora", "smart") if any(getattr(point.train, key) for point in points)]
        methods = listed([f"{METHOD_NAMES[key]}{cite(*METHODS[key])}" for key in used])
        fixed = recorded.constants(self.run, scoring=False)
        settings = "; ".join(self._setting(key, value) for key, value in fixed.items() if key != "optimizer")
        how = f"{optimizers} and {methods}" if methods else optimizers
        text = f"A trial runs for {epochs} epochs of {self._steps()} with {how}."
        return f"{text} Wherever they apply: {settings}." if settings else text

    def _steps(self) -> str:
        sizes = {one.source.sha256: one.sizes for one in recorded.data_sets(self.run)}
        dataset = self.run.spec.provenance.dataset
        points = full_plan(self.run.spec, self.run.state).points
        found = {recorded.steps_per_epoch(point, sizes[dataset(point).sha256]) for point in points}
        known = sorted(step for step in found if step is not None)
        if not known:
            return "steps whose number was not recorded,"
        if len(known) == 1:
            return f"{self._number('Steps', f'{known[0]:,}', 'optimizer steps per epoch')} optimizer steps"
        return f"{known[0]:,} to {known[-1]:,} optimizer steps"

    def _decoding(self) -> str:
        if not any(TASKS[block.groups[0].settings["task"]].generates for block in self.blocks):
            return ""
        used = [
            key for key in ("decode.top_p", "decode.top_k") if any(row.get(key) is not None for row in self.run.rows)
        ]
        fixed = recorded.constants(self.run, scoring=True)
        settings = "; ".join(self._setting(key, value) for key, value in fixed.items())
        cited = cite(*(reference for key in used for reference in METHODS[key]))
        text = f"Texts are generated{cited}{f' with {settings}' if settings else ''}."
        if (draws := recorded.draws_of(self.run)) > 1:
            number = self._number("Draws", f"{draws:,}", "number of draws behind each score")
            text += f" Each score is the mean over {number} independent draws of all texts."
        return text

    def _ranking(self) -> str:
        metrics = dict.fromkeys(block.metric for block in self.blocks)
        named = listed([f"{metric_name(metric)}{cite(*METRICS.get(metric, ()))}" for metric in metrics])
        return f"Configurations are ranked by {named} on the development split."

    def _machine(self) -> str:
        provenance = self.run.spec.provenance
        versions = [
            f"{name} {plain(provenance.versions[key])}{cite(*TOOLS[key])}"
            for key, name in PACKAGES.items()
            if key in provenance.versions and (key != "ray" or self.run.spec.executor == "ray")
        ]
        number = self._number("Threads", f"{provenance.threads:,}", "threads per trial")
        threads = f"{number} thread{'' if provenance.threads == 1 else 's'}"
        return f"Each trial ran on {plain(provenance.device)} with {threads}, under {listed(versions)}."


def statistics_tex(several_seeds: bool, has_effects: bool, has_shares: bool) -> str:
    """Return the paragraph on the intervals and tests of all runs.

    `has_effects`: whether a table compares settings or methods; `has_shares`: whether one has shares of variance.
    """
    start = r"\paragraph{Statistics.}"
    if not several_seeds:
        return f"{start}\nWith one seed there are no intervals and no tests."
    text = [
        start,
        rf"Intervals of means are 95\,\% intervals by Student's $t$ over seeds{cite('student1908')}.",
        r"A configuration is marked unless another one beats it in a paired one-sided $t$ test at $0.05/(k-1)$, where "
        rf"$k$ configurations are comparable (selection of a subset that contains the best{cite('gupta1965')}).",
    ]
    if has_effects:
        text.append(rf"Effects are tested by Student's paired $t$ with Holm's correction{cite('holm1979')}.")
    if has_shares:
        text.append(f"Shares of variance are of type II, with seeds as blocks{cite('langsrud2003')}.")
    return "\n".join(text)


def _axis(key: str, values: "list[Any] | Range") -> str:
    """Return a setting with its values or its range, as LaTeX source."""
    if isinstance(values, Range):
        low, high = map(value_text, values.ends)
        return f"{setting_name(key)} from {low} to {high} ({plain(values.kind)})"
    if len(values) > MOST_VALUES:
        return f"{setting_name(key)} from {value_text(values[0])} to {value_text(values[-1])} ({len(values)} values)"
    return f"{setting_name(key)} {listed(['off' if value is None else value_text(value) for value in values])}"
