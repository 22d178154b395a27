"""Upload an exported folder to a Hugging Face hub."""

import re
from pathlib import Path

from sweep.errors import InfrastructureError, UsageError

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def check_repository(name: str) -> None:
    """Raise UsageError if `name` is not that of a repository."""
    if not REPOSITORY.fullmatch(name):
        raise UsageError(f"--push: {name!r} is not the name of a repository; write OWNER/NAME")


def push(folder: Path, name: str, *, public: bool) -> str:
    """Upload the files of `folder` to the model repository `name`, and return the address of the commit.

    The repository is created if needed, private unless `public`. The token is that of `hf auth login` or HF_TOKEN.
    Raise InfrastructureError if the hub refuses or cannot be reached; the folder stays.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi()
    try:
        api.create_repo(name, private=not public, exist_ok=True)
        commit = api.upload_folder(repo_id=name, folder_path=folder, commit_message="Upload model")
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InfrastructureError(
            f"cannot upload to {name}: {reason}. The files are in {folder}; log in with `hf auth login` and upload "
            f"them with `hf upload {name} {folder}`"
        ) from error
    return commit.commit_url
