"""A whole configuration of LiteLLM's: its models, how it routes, who may call."""

import copy
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from config.errors import ConfigurationError, Problem
from config.litellm.deployments import Deployment, deployment, variable

PORT: Final = 4000
"""Where LiteLLM listens."""

MOST_ATTEMPTS: Final = 10

_SECTIONS: Final = ("model_list", "litellm_settings", "router_settings", "general_settings", "environment_variables")

_EXPLAINED: Final[Mapping[str, str]] = {
    "cache": "answers are not cached here; vendors' own prompt caches are used, and priced",
    "cache_params": "answers are not cached here",
    "callbacks": "what happens is in the log and in the metrics",
    "success_callback": "what happens is in the log and in the metrics",
    "failure_callback": "what happens is in the log and in the metrics",
    "service_callbacks": "what happens is in the log and in the metrics",
    "database_url": "keys, teams and spend of LiteLLM's database are not carried over: name clients under `clients`; "
    "`store: postgresql://...` keeps state and spend there",
    "store_model_in_db": "models stand in the configuration alone",
    "routing_strategy": "targets are shared out by weight, and requests that belong together stay together",
    "context_window_fallbacks": "a target whose window is too small for a request is passed over by itself",
    "content_policy_fallbacks": "an answer that a vendor refuses is given to the client as it is",
    "enable_pre_call_checks": "targets that cannot serve a request are always passed over",
    "redis_host": "replicas share a store: `store: redis://...`",
    "redis_port": "replicas share a store: `store: redis://...`",
    "redis_password": "replicas share a store: `store: redis://...`",
    "redis_url": "replicas share a store: `store: redis://...`",
    "alerting": "alerts are Prometheus' own: deploy/prometheus/rules",
    "background_health_checks": "targets that fail again and again are left alone, and tried again",
    "set_verbose": "there is one log line a request",
    "json_logs": "the log is JSON wherever nobody watches",
    "turn_off_message_logging": "messages are never logged",
}
"""Settings without a counterpart, and what to know of them."""

_SILENT: Final = frozenset({"set_verbose", "json_logs", "turn_off_message_logging", "enable_pre_call_checks"})
"""Those of which nothing is lost."""

_TAKEN: Final[Mapping[str, frozenset[str]]] = {
    "litellm_settings": frozenset(
        {"num_retries", "request_timeout", "fallbacks", "default_fallbacks", "drop_params", "modify_params"}
    ),
    "router_settings": frozenset(
        {"num_retries", "timeout", "fallbacks", "default_fallbacks", "model_group_alias", "allowed_fails"}
        | {"cooldown_time", "disable_cooldowns"}
    ),
    "general_settings": frozenset({"master_key", "completion_model"}),
}


@dataclass(frozen=True, slots=True)
class Imported:
    """A configuration of ours, as data, and what of LiteLLM's is not in it."""

    configuration: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def import_litellm(text: str, file: str) -> Imported:
    """The configuration that a file of LiteLLM's becomes; `file` is its name. Raises ConfigurationError for what is no
    such file."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError([Problem(file, "", str(error).splitlines()[0], "expected YAML")]) from None
    if not isinstance(document, dict) or not isinstance(document.get("model_list"), list):
        raise ConfigurationError([Problem(file, "model_list", "is missing", "expected LiteLLM's list of models")])
    return _Import(document).result()


class _Import:
    """The import of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._notes: list[str] = []
        self._providers: dict[str, dict[str, Any]] = {}
        self._names: dict[str, str] = {}
        sections = {name: document.get(name) for name in _TAKEN}
        self._settings = {name: value if isinstance(value, dict) else {} for name, value in sections.items()}

    def result(self) -> Imported:
        """The whole of it."""
        groups = self._groups()
        models = self._aliases(groups)
        self._common_settings()
        clients = self._clients()
        configuration: dict[str, Any] = {"listen": f":{PORT}" if clients else f"127.0.0.1:{PORT}"}
        if clients:
            configuration["clients"] = clients
        configuration["providers"] = self._providers
        if models:
            configuration["models"] = models
        if (default := self._settings["general_settings"].get("completion_model")) is not None:
            configuration["default_model"] = default
        retries = self._either("num_retries")
        if isinstance(retries, int) and retries >= 0:
            configuration["retry"] = {"attempts": min(retries + 1, MOST_ATTEMPTS)}
        self._say_what_is_lost()
        return Imported(configuration, self._notes)

    # --- models ------------------------------------------------------------------------------------------------------

    def _groups(self) -> dict[str, list[tuple[Deployment, str]]]:
        """The deployments of each name, with the target that each of them is."""
        groups: dict[str, list[tuple[Deployment, str]]] = {}
        for index, written in enumerate(self._document["model_list"]):
            name = written.get("model_name") if isinstance(written, dict) else None
            where = f"model_list[{index}] ({name})" if name else f"model_list[{index}]"
            notes: list[str] = []
            found = deployment(written if isinstance(written, dict) else {}, notes.append)
            self._notes += [f"{where}: {words}" for words in notes]
            if found is not None:
                provider = self._provider(found)
                if found.known:
                    self._providers[provider].setdefault("models", {})[found.model] = dict(found.known)
                groups.setdefault(found.group, []).append((found, f"{provider}/{found.model}"))
        return groups

    def _provider(self, found: Deployment) -> str:
        """The name of the provider that reaches a deployment: one for all that are reached in the same way."""
        key = json.dumps(found.entry, sort_keys=True, default=str)
        if key not in self._names:
            name, number = found.prefix, 1
            while name in self._providers:
                number += 1
                name = f"{found.prefix}-{number}"
            self._names[key] = name
            self._providers[name] = dict(found.entry)
        return self._names[key]

    def _aliases(self, groups: Mapping[str, Sequence[tuple[Deployment, str]]]) -> dict[str, Any]:
        fallbacks = self._fallbacks()
        models: dict[str, Any] = {}
        for group, deployments in groups.items():
            later = [
                target
                for name in fallbacks.get(group, fallbacks.get("*", ()))
                for _, target in groups.get(name, ())
                if target not in {target for _, target in deployments}
            ]
            alias = _alias(deployments, later)
            if alias != group:
                models[group] = alias
        named = self._settings["router_settings"].get("model_group_alias")
        for alias, written in named.items() if isinstance(named, dict) else ():
            meant = written.get("model") if isinstance(written, dict) else written
            if isinstance(meant, str) and meant in groups:
                models[alias] = copy.deepcopy(models.get(meant, meant))
            else:
                self._notes.append(f"router_settings.model_group_alias.{alias}: left out, there is no {meant!r}")
        return models

    def _fallbacks(self) -> dict[str, list[str]]:
        """The names that follow a name; `*` stands for every other one."""
        found: dict[str, list[str]] = {}
        for each in self._listed("fallbacks"):
            for group, names in each.items() if isinstance(each, dict) else ():
                found.setdefault(group, []).extend(name for name in names if isinstance(name, str))
        found.setdefault("*", []).extend(name for name in self._listed("default_fallbacks") if isinstance(name, str))
        return found

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _either(self, name: str) -> object:
        """A setting of the router, else of the library."""
        router = self._settings["router_settings"].get(name)
        return self._settings["litellm_settings"].get(name) if router is None else router

    def _listed(self, name: str) -> list[object]:
        found = self._either(name)
        return found if isinstance(found, list) else []

    def _common_settings(self) -> None:
        """What LiteLLM has once for all models, and we for each provider."""
        router = self._settings["router_settings"]
        timeout = router.get("timeout") or self._settings["litellm_settings"].get("request_timeout")
        breaker: dict[str, Any] = {}
        if router.get("disable_cooldowns") is True:
            breaker["failures"] = 0
        elif isinstance(router.get("allowed_fails"), int):
            breaker["failures"] = router["allowed_fails"] + 1
        if isinstance(router.get("cooldown_time"), int | float) and router["cooldown_time"] > 0:
            breaker["pause"] = router["cooldown_time"]
        for entry in self._providers.values():
            if isinstance(timeout, int | float) and timeout > 0:
                entry["timeout"] = {"total": timeout, **entry.get("timeout", {})}
            if breaker:
                entry["breaker"] = dict(breaker)

    def _clients(self) -> list[dict[str, Any]]:
        key = self._settings["general_settings"].get("master_key")
        if key is None:
            self._notes.append(
                "general_settings.master_key: there is none, so anybody may call; until clients have keys, only this "
                "machine can"
            )
            return []
        return [{"name": "master", "key": variable(str(key))}]

    def _say_what_is_lost(self) -> None:
        for place, value in self._settings_without_counterpart():
            words = _EXPLAINED.get(place.rpartition(".")[2], "left out, it has no counterpart")
            if place.rpartition(".")[2] not in _SILENT and value not in (None, False, [], {}):
                self._notes.append(f"{place}: {words}")
        drop = self._settings["litellm_settings"].get("drop_params")
        if drop is False:
            self._notes.append(
                "litellm_settings.drop_params: what a vendor cannot carry is declared in a header; `strict: true` "
                "refuses it"
            )
        if self._document.get("environment_variables"):
            self._notes.append("environment_variables: set them in the environment of the process")

    def _settings_without_counterpart(self) -> Iterator[tuple[str, object]]:
        for section, taken in _TAKEN.items():
            for name, value in self._settings[section].items():
                if name not in taken:
                    yield f"{section}.{name}", value
        for name, value in self._document.items():
            if name not in _SECTIONS:
                yield str(name), value


def _alias(deployments: Sequence[tuple[Deployment, str]], later: Sequence[str]) -> str | list[str] | dict[str, object]:
    """The targets of a name: by order where LiteLLM has one, else by weight; others only when these could not."""
    later = list(dict.fromkeys(later))
    orders = {found.order for found, _ in deployments}
    targets = list(dict.fromkeys(target for _, target in sorted(deployments, key=lambda each: each[0].order)))
    if len(targets) == 1 and not later:
        return targets[0]
    if len(orders) > 1 or len(targets) == 1:
        return [*targets, *later]
    weights = _weights([found.weight for found, _ in deployments])
    shared = [{"model": target, "weight": weight} for (_, target), weight in zip(deployments, weights, strict=True)]
    return {"targets": [*shared, *({"model": target, "weight": 0} for target in later)]}


def _weights(written: Sequence[float | None]) -> list[int]:
    """Whole weights in the same proportions; all the same where one is missing."""
    known = [weight for weight in written if weight is not None]
    if len(known) < len(written):
        return [1] * len(written)
    if all(float(weight).is_integer() for weight in known):
        divisor = math.gcd(*(int(weight) for weight in known))
        return [int(weight) // divisor for weight in known]
    least = min(known)
    return [max(1, round(weight / least * 10)) for weight in known]
