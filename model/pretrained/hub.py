"""Files from a Hugging Face hub: bases and data sets alike, every refusal as one sentence with a remedy.

Caches, `HF_HOME`, `HF_ENDPOINT` and `HF_HUB_OFFLINE` work as everywhere.
"""

import logging
from pathlib import Path

from model.errors import AbsentError, HubError


def download(repository: str, file: str, revision: str | None = None, *, kind: str, copy: str, choose: str) -> Path:
    """One file of a repository of `kind` "model" or "dataset", from the cache where it is there. Raises HubError.

    `copy` says what to give where the hub is out of reach, `choose` which repository has such files.
    """
    from huggingface_hub import hf_hub_download  # it takes a third of a second, and most bases lie on this disk
    from huggingface_hub.errors import (
        EntryNotFoundError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    # The client tells of each of its attempts; what came of them is said below.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        return Path(hf_hub_download(repository, file, revision=revision, repo_type=kind))
    except RevisionNotFoundError as error:
        raise HubError(f"the hub's {repository} has no revision {revision!r}; leave it out for main") from error
    except RepositoryNotFoundError as error:
        raise HubError(f"the hub has no repository {repository}, or it needs a login (HF_TOKEN)") from error
    except LocalEntryNotFoundError as error:
        raise AbsentError(
            f"cannot reach the hub for {repository}/{file}, and it is not in the cache; go online once "
            f"(unset HF_HUB_OFFLINE), or {copy}"
        ) from error
    except EntryNotFoundError as error:
        raise AbsentError(f"the hub's {repository} has no {file}; {choose}") from error
    except Exception as error:  # the client lets its transport's own errors through, and has changed transports
        reason = str(error).strip().partition("\n")[0]
        raise HubError(f"downloading {repository}/{file} failed ({reason}); run the command again") from error
