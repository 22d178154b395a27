"""The shipped sonnets as data of the tasks completion and text, in the splits that the task sonnets has."""

from collections.abc import Callable, Mapping
from pathlib import Path

from model.tasks.data import sonnets
from model.tasks.data.dataset import Dataset, Rows
from model.tasks.data.own import OwnData
from model.tasks.data.sources import files_sha256
from model.tasks.data.splits import Texts


class ShippedSonnets(OwnData):
    """The shipped sonnets; `texts` makes a row of each."""

    texts: Callable[[sonnets.Sonnet], Texts]

    @property
    def files(self) -> Mapping[str, Path]:
        return {"all": sonnets.SHIPPED}

    def digest(self) -> str:
        return files_sha256(self.files)

    @property
    def revision(self) -> None:
        return None

    @property
    def dataset(self) -> Dataset:
        parts = sonnets.split_sonnets(sonnets.find(None).read()[0])
        texts = type(self).texts
        return Dataset(
            files=self.files,
            revision=None,
            columns={},
            splits={name: Rows([texts(one) for one in part], [""] * len(part)) for name, part in parts.items()},
            classes=(),
            drawn=None,
            leaked={},
            notes=(),
            warnings=(),
        )
