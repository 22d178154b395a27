"""Downloads of models and data sets from a Hugging Face hub. Every error is one sentence that says how to fix it.

The cache, `HF_HOME`, `HF_ENDPOINT` and `HF_HUB_OFFLINE` work as usual.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import AbsentError, HubError


def download(repository: str, file: str, revision: str | None = None, *, kind: str, copy: str, choose: str) -> Path:
    """Return a file of a repository of `kind` "model" or "dataset", from the cache if possible. Raise HubError.

    Error messages suggest `copy` if the hub is unreachable, and `choose` if the repository does not have the file.
    """
    from huggingface_hub import hf_hub_download  # slow to import (0.3 s), and rarely needed

    with _explained(repository, file, revision, copy, choose):
        return Path(hf_hub_download(repository, file, revision=revision, repo_type=kind))


def list_files(repository: str, revision: str | None = None, *, kind: str, copy: str) -> tuple[str, list[str]]:
    """Return the commit of a repository and the names of its files; offline, of those in the cache. Raise HubError.

    Error messages suggest `copy` if the hub is unreachable.
    """
    from huggingface_hub import HfApi, constants, snapshot_download

    with _explained(repository, "...", revision, copy, copy):
        if not constants.HF_HUB_OFFLINE:
            found = HfApi().repo_info(repository, repo_type=kind, revision=revision)
            return str(found.sha), sorted(file.rfilename for file in getattr(found, "siblings", None) or [])
        folder = Path(snapshot_download(repository, repo_type=kind, revision=revision, local_files_only=True))
        return folder.name, sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@contextmanager
def _explained(repository: str, file: str, revision: str | None, copy: str, choose: str) -> Iterator[None]:
    """Raise HubError, in one sentence, for whatever the hub's client raises."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    # The client logs every attempt. The final error below is enough.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        yield
    except RevisionNotFoundError as error:
        raise HubError(f"the hub's {repository} has no revision {revision!r}; omit it for main") from error
    except RepositoryNotFoundError as error:
        raise HubError(f"the hub has no repository {repository}, or it needs a login (HF_TOKEN)") from error
    except LocalEntryNotFoundError as error:
        raise AbsentError(
            f"cannot reach the hub for {repository}/{file}, and it is not in the cache; go online once "
            f"(unset HF_HUB_OFFLINE), or {copy}"
        ) from error
    except EntryNotFoundError as error:
        raise AbsentError(f"the hub's {repository} has no {file}; {choose}") from error
    except Exception as error:  # the client passes on errors of its HTTP library, which differs between versions
        reason = str(error).strip().partition("\n")[0]
        raise HubError(f"downloading {repository}/{file} failed ({reason}); run the command again") from error
