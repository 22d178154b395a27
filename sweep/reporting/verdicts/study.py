"""The rows of a run, grouped and ranked once for all that is said of them."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from model.data_settings import DataSettings
from model.settings import keys_of
from sweep.reporting.leaderboard import Row
from sweep.reporting.numbers import setting_text
from sweep.reporting.settings import informative_keys
from sweep.reporting.verdicts.groups import Group, comparable, groups_of
from sweep.reporting.verdicts.standings import Standings, standings

SET_KEYS = tuple(
    dict.fromkeys(("task", "data", *keys_of(DataSettings), "base", "epochs"))
)  # in which sets of comparable rows may differ


class Study:
    """The settings of a run. Standings are computed when they are first needed."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._standings: dict[tuple[int, str], Standings] = {}

    @cached_property
    def groups(self) -> list[Group]:
        return groups_of(self.rows)

    @cached_property
    def sets(self) -> list[list[Group]]:
        """Return the sets of groups that may be compared with each other."""
        return comparable(self.groups)

    @cached_property
    def varying(self) -> list[str]:
        """Return the settings that vary, without those that another one determines, and the seed."""
        return [key for key in informative_keys([group.settings for group in self.groups]) if key != "seed"]

    def name_of(self, group: Group) -> str:
        """Return what distinguishes a setting: its variant, and the settings that vary within it."""
        keys = self._keys[group.variant]
        values = [f"{key}={setting_text(group.settings[key])}" for key in keys if group.settings.get(key) is not None]
        values += [f"{key}=off" for key in keys if self.is_off(group, key) and "." not in key]
        return " ".join(filter(None, [group.variant, *values])) or "the only setting"

    def value_of(self, group: Group, key: str) -> Any:
        """Return the value of a setting, by default that of the schema; None if it is off."""
        return group.settings.get(key, group.first.get(key))

    def is_off(self, group: Group, key: str) -> bool:
        return self.value_of(group, key) is None

    @cached_property
    def _keys(self) -> dict[str | None, list[str]]:
        """Return the settings that vary within each variant, without the seed."""
        alike: dict[str | None, list[dict[str, Any]]] = {}
        for group in self.groups:
            alike.setdefault(group.variant, []).append(group.settings)
        return {
            variant: [key for key in informative_keys(settings) if key != "seed"] if variant else self.varying
            for variant, settings in alike.items()
        }

    def set_name(self, place: int) -> str:
        """Return what tells a set from the others, such as "data reviews"; "" for the only one."""
        firsts = [members[0].settings for members in self.sets]
        varying = [key for key in SET_KEYS if len({str(one.get(key)) for one in firsts}) > 1]
        return ", ".join(f"{key} {setting_text(firsts[place].get(key))}" for key in varying)

    def standings(self, place: int, metric: str | None = None) -> Standings:
        """Return the standings of set number `place` by `metric` (None: the one that its rows are ranked by)."""
        members = self.sets[place]
        key = place, metric or members[0].first["metric"]
        if key not in self._standings:
            self._standings[key] = standings(members, key[1])
        return self._standings[key]
