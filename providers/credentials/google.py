"""Credentials of Google Cloud: access tokens of a service account, a user, a workload identity or the machine."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, TypeAlias, cast

import orjson
from pydantic import BaseModel, ConfigDict

from providers.credentials.asking import NoCredentialError, account, ask, missing
from proxy.provider.contract import Call
from proxy.provider.renewal import Issued, Renewed


class Source(Protocol):
    """What is used of google-auth's credentials. `expiry` is UTC and does not say so."""

    expiry: datetime | None

    def refresh(self, request: object) -> None:
        """Ask for a token, over the network."""
        ...

    def apply(self, headers: dict[str, str]) -> None:
        """Write the headers of the token."""
        ...


Headers: TypeAlias = dict[str, str]

AWS_SUBJECT: Final = "urn:ietf:params:aws:token-type:aws4_request"
"""What a workload on AWS shows instead of a token."""

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"

NAMES: Final = ("client_email", "client_id", "audience", "service_account_impersonation_url")
"""What tells one account from another, in the files of all kinds."""

SECRETS: Final = ("private_key", "client_secret", "refresh_token")

READERS: Final = {
    "service_account": ("google.oauth2.service_account", "from_service_account_info", True),
    "authorized_user": ("google.oauth2.credentials", "from_authorized_user_info", False),
    "external_account": ("google.auth.identity_pool", "from_info", True),
    "external_account of AWS": ("google.auth.aws", "from_info", True),
    "external_account of a program": ("google.auth.pluggable", "from_info", True),
    "external_account_authorized_user": ("google.auth.external_account_authorized_user", "from_info", False),
    "impersonated_service_account": (
        "google.auth.impersonated_credentials",
        "from_impersonated_service_account_info",
        True,
    ),
}
"""By the kind of a file: the module of google-auth whose `Credentials` read it, how, and whether they take scopes."""


class GoogleAccess(BaseModel):
    """Where the token comes from. `credentials_file`: the JSON file of a service account, or of a workload identity
    federation. None: the application default credentials: the file that GOOGLE_APPLICATION_CREDENTIALS names, that of
    `gcloud auth application-default login`, the machine. Needs the extra `vertex`."""

    model_config = ConfigDict(extra="forbid")

    credentials_file: Path | None = None

    def missing_extra(self) -> str | None:
        """What to install for these settings; None where nothing is missing."""
        return missing("google.auth", "vertex", "Google Cloud") or missing("requests", "vertex", "Google Cloud")

    def named_project(self) -> str | None:
        """The project that the file or the environment names, without asking anybody."""
        of_file = _members(self.file())
        named = _text(of_file, "project_id")
        spoken = os.environ.get("GOOGLE_CLOUD_PROJECT") or os.environ.get("GCLOUD_PROJECT") or None
        chosen = (named or spoken) if self.credentials_file is not None else (spoken or named)
        return chosen or _text(of_file, "quota_project_id")

    def file(self) -> Path | None:
        """The file that is read; None: the machine is asked."""
        if self.credentials_file is not None:
            return self.credentials_file
        if named := os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
            return Path(named)
        home = os.environ.get("CLOUDSDK_CONFIG")
        usual = (Path(home) if home else _gcloud_folder()) / "application_default_credentials.json"
        return usual if usual.is_file() else None


class GoogleCredentials:
    """Gives calls a bearer token for the scope `cloud-platform`."""

    def __init__(self, access: GoogleAccess, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds."""
        self._access = access
        self._renewed = Renewed(self._issue, clock=clock)
        self._project: str | None = None
        self._fingerprint: str | None = None

    async def authorize(self, call: Call, url: str) -> Mapping[str, str]:
        """The token, for whichever call, and the project that pays where the credentials name one."""
        return dict(await self._renewed.get())

    async def project(self) -> str | None:
        """The project of the credentials; None where they belong to none. Raises ProviderError where the machine has
        to be asked and does not answer."""
        named = self._access.named_project()
        if named is None and self._project is None:
            await self._renewed.get()
        return named or self._project

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """A token that is refused with 401 is replaced."""
        return status == 401 and self._renewed.refused()

    def credential_headers(self) -> Sequence[str]:
        """The header of the token."""
        return ("authorization",)

    def fingerprint(self) -> str:
        """Stands for the account that the file names."""
        if self._fingerprint is None:
            members = _members(self._access.file())
            found = [_text(members, name) for name in NAMES]
            self._fingerprint = account("google", *(found if any(found) else ("machine",)))
        return self._fingerprint

    async def _issue(self) -> Issued[Headers]:
        if problem := self._access.missing_extra():
            raise NoCredentialError(problem)
        members = _members(self._access.file())
        return await ask("Google", self._found, *(_text(members, name) for name in SECRETS))

    def _found(self) -> Issued[Headers]:
        # Read anew each time: a file may have been replaced since.
        source, project = _source(self._access.file())
        source.refresh(import_module("google.auth.transport.requests").Request())
        headers: Headers = {}
        source.apply(headers)
        if payer := os.environ.get("GOOGLE_CLOUD_QUOTA_PROJECT"):
            headers["x-goog-user-project"] = payer
        self._project = project
        ends = None if source.expiry is None else source.expiry.replace(tzinfo=UTC).timestamp()
        return Issued(headers, ends)


def _source(file: Path | None) -> tuple[Source, str | None]:
    """The account, and its project where the machine tells it."""
    if file is None:
        source, project = import_module("google.auth").default(scopes=[SCOPE])
        return cast("Source", source), cast("str | None", project)
    members = orjson.loads(file.read_bytes())
    kind = _kind(members) if isinstance(members, dict) else ""
    if kind not in READERS:
        raise ValueError(f"{file} holds no credentials of a type that is known: {', '.join(READERS)}")
    module, reader, scoped = READERS[kind]
    read = getattr(import_module(module).Credentials, reader)
    return cast("Source", read(members, scopes=[SCOPE]) if scoped else read(members)), None


def _kind(members: Mapping[str, object]) -> str:
    kind, source = _text(members, "type"), members.get("credential_source")
    if kind != "external_account":
        return kind or ""
    if members.get("subject_token_type") == AWS_SUBJECT:
        return f"{kind} of AWS"
    return f"{kind} of a program" if isinstance(source, dict) and source.get("executable") else kind


def _gcloud_folder() -> Path:
    if os.name == "nt":
        return Path(os.environ.get("APPDATA", "")) / "gcloud"
    return Path.home() / ".config" / "gcloud"


def _members(file: Path | None) -> Mapping[str, object]:
    """What a file says, nothing where it cannot be read: whoever needs the token is told."""
    if file is None:
        return {}
    try:
        read = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return read if isinstance(read, dict) else {}


def _text(members: Mapping[str, object], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) and value else None
