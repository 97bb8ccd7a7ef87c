"""The configuration is read again: when the process is told to (SIGHUP), and when its file has changed. One that is not
valid changes nothing."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import structlog

from config.errors import ConfigurationError
from config.settings import Settings
from proxy.app import Server

LOOK_INTERVAL: Final = 2.0
"""How often, in seconds, the file is looked at. A change is taken when it has stood for as long."""

Stamp: TypeAlias = tuple[int, int, int] | None

_log = structlog.get_logger("dragoman.configuration")


class Reloading:
    """Keeps a server's configuration up to date. `read` reads it; `file` is watched (None: nothing is)."""

    def __init__(
        self, server: Server, read: Callable[[], Settings], file: Path | None, *, interval: float = LOOK_INTERVAL
    ) -> None:
        self._server = server
        self._read = read
        self._file = file
        self._interval = interval
        self._told = asyncio.Event()
        self._seen = self._stamp()

    def tell(self) -> None:
        """Read it again now."""
        self._told.set()

    async def keep_up(self) -> None:
        """Read it again whenever that is due, for ever."""
        while True:
            if await self._due():
                await self._reload()

    async def _due(self) -> bool:
        try:
            async with asyncio.timeout(self._interval):
                await self._told.wait()
        except TimeoutError:
            stamp = self._stamp()
            # A file that is absent is just being replaced.
            if stamp is None or stamp == self._seen:
                return False
            await asyncio.sleep(self._interval)
            if self._stamp() != stamp:
                # It is still being written.
                return False
        self._told.clear()
        self._seen = self._stamp()
        return True

    async def _reload(self) -> None:
        metrics = self._server.gateway.metrics
        try:
            settings = await asyncio.to_thread(self._read)
            later = await self._server.reload(settings)
        except Exception as error:  # whatever is wrong with it, the process goes on with what it has
            metrics.reloads.labels("refused").inc()
            if isinstance(error, ConfigurationError):
                for problem in error.problems:
                    _log.error("configuration refused", problem=str(problem), file=str(self._file))
            else:
                _log.error("configuration refused", problem=str(error) or repr(error), exc_info=error)
            return
        metrics.reloads.labels("taken").inc()
        _log.info("configuration taken", file=str(self._file))
        for name in later:
            _log.warning("setting holds from the next start on", setting=name)

    def _stamp(self) -> Stamp:
        """What changes with the file, also when a link on the way to it leads elsewhere, as in Kubernetes."""
        if self._file is None:
            return None
        try:
            status = self._file.stat()
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_ino, status.st_size)
