"""Locks on files. A lock that another process holds is told from a file system that cannot lock.

The operating system releases a lock when its process ends, however it ends.
"""

import errno
import fcntl
from pathlib import Path

HELD = (errno.EWOULDBLOCK, errno.EACCES)
REMEDIES = {
    errno.ENOSYS: "mount it with locks (Lustre: -o flock), or choose another folder with --out",
    errno.EOPNOTSUPP: "mount it with locks (Lustre: -o flock), or choose another folder with --out",
    errno.ENOLCK: "start the lock service of its NFS server (rpc.statd), or choose another folder with --out",
    errno.ESTALE: "its NFS server has lost this file: mount the folder again",
}


class LockError(Exception):
    """A file system that cannot lock a file. The message names the file, the reason and the remedy."""


def try_lock(descriptor: int, path: Path, *, shared: bool = False) -> bool:
    """Lock an open file without waiting, and return whether that succeeded: False if another process holds a lock.

    Raise LockError if the file system of `path` cannot lock it.
    """
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in HELD:
            return False
        remedy = REMEDIES.get(error.errno or 0, "choose another folder with --out")
        raise LockError(f"cannot lock {path}: {error.strerror}; {remedy}") from error
    return True
