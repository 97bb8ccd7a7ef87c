"""What the operating system allows a process that holds thousands of connections."""

import resource
from contextlib import suppress
from typing import Final

WANTED_FILES: Final = 65_536
"""As many open files as are asked for: two for each stream, and some."""


def raise_file_limit(wanted: int = WANTED_FILES) -> int:
    """Raise the limit of open files as far as it is allowed, up to `wanted`; the limit that holds then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        # Some systems promise more than they give.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
