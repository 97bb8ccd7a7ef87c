"""The files that credentials are read from: one that cannot be used keeps its last content, and an alarm says so."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from proxy.provider.secret import Secret
from proxy.usage.metrics import Metrics

INTERVAL: Final = 5.0
"""How often, in seconds, the files are looked at."""

_log = structlog.get_logger("dragoman.configuration")


class KeyFiles:
    """Looks after credentials that stand in files, by the names of their settings (`clients.app.key`)."""

    def __init__(self, metrics: Metrics, secrets: Mapping[str, Secret], *, interval: float = INTERVAL) -> None:
        self._metrics = metrics
        self._interval = interval
        self._secrets: Mapping[str, Secret] = {}
        self._problems: dict[str, str | None] = {}
        self.follow(secrets)

    def follow(self, secrets: Mapping[str, Secret]) -> None:
        """Look after these from now on."""
        for name in self._secrets.keys() - secrets.keys():
            self._metrics.key_files.remove(name)
            del self._problems[name]
        self._secrets = secrets
        self.look()

    def look(self) -> None:
        """Look at every file once; a change is said once."""
        for name, secret in self._secrets.items():
            problem = secret.problem()
            self._metrics.key_files.labels(name).set(problem is not None)
            if problem != self._problems.get(name):
                if problem is None:
                    _log.info("key file usable", setting=name, file=str(secret.file))
                else:
                    hint = "the last key that was read from it holds"
                    _log.error("key file unusable", setting=name, file=str(secret.file), reason=problem, hint=hint)
            self._problems[name] = problem

    async def watch(self) -> None:
        """Look at them again and again, for ever."""
        while True:
            await asyncio.sleep(self._interval)
            self.look()
