"""Credentials of AWS: keys that are configured, or those that the environment of the process gives; requests are
signed with them."""

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Self

import orjson
from pydantic import BaseModel, ConfigDict, model_validator

from providers.credentials.asking import NoCredentialError, account, ask, missing
from providers.credentials.sigv4 import Keys, signed
from proxy.provider.contract import Call
from proxy.provider.errors import ProviderError
from proxy.provider.renewal import Issued, Renewed
from proxy.provider.secret import Secret

HEADERS: Final = ("authorization", "x-amz-date", "x-amz-security-token")

KEYS_REFUSED: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Names of the errors for keys that have ended, or that the service does not know or no longer knows."""

CLOCK_REFUSED: Final = re.compile(
    r"signature expired|not yet current|RequestTimeTooSkewed|RequestExpired", re.IGNORECASE
)
"""What is said of a signature whose time is not that of the service."""

SKEW: Final = 5.0
"""How far, in seconds, a measured offset has to be from the one in use to be worth another attempt."""

SETTLING: Final = 60.0
"""How long, in seconds, calls that were signed by the wrong clock may still come back refused."""


LAST_YEAR: Final = 2999
"""No answer is from later, whatever it says."""


class AwsAccess(BaseModel):
    """Where the keys come from. `access_key_id`, `secret_access_key` and, for keys issued for a time, `session_token`:
    the keys themselves. Otherwise AWS's usual chain is asked, which needs the extra `bedrock`: the environment, a
    `profile` of the configuration files (with roles, SSO, processes), a web identity, a container, the instance."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None
    profile: str | None = None

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key are given together or not at all")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("session_token belongs to an access_key_id and a secret_access_key")
        if self.profile is not None and self.access_key_id is not None:
            raise ValueError("a profile and keys exclude each other")
        return self

    def missing_extra(self) -> str | None:
        """What to install for these settings; None where nothing is missing."""
        if self.access_key_id is not None:
            return None
        return missing("botocore", "bedrock", "AWS credentials of a profile, a role or an instance")


class AwsCredentials:
    """Signs calls (Signature Version 4)."""

    def __init__(
        self, access: AwsAccess, region: str, service: str = "bedrock", *, clock: Callable[[], float] = time.time
    ) -> None:
        """`service` is the name that signatures carry, not the endpoint's. `clock` gives Unix seconds."""
        self._access = access
        self._region = region
        self._service = service
        self._clock = clock
        self._offset = 0.0
        self._corrected_at: float | None = None
        self._renewed = Renewed(self._issue, clock=clock)

    async def authorize(self, call: Call, url: str) -> Mapping[str, str]:
        """The signature. It covers the method, the URL, the body, and of the call's headers what AWS asks for."""
        keys = self._configured() or await self._renewed.get()
        headers = {name: value for name, value in call.headers.items() if _to_be_signed(name.lower())}
        try:
            return signed(
                call.method,
                url,
                headers,
                call.body,
                keys=keys,
                region=self._region,
                service=self._service,
                now=self._clock() + self._offset,
            )
        except ValueError as error:
            raise ProviderError("connect", "The provider's address or a header of the call is not valid.") from error

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Keys that were issued are replaced; a clock that is wrong is corrected by the time of the answer."""
        if status not in (400, 401, 403):
            return False
        name, message = _complaint(headers, body)
        if CLOCK_REFUSED.search(name) or CLOCK_REFUSED.search(message):
            return self._correct(headers)
        if name in KEYS_REFUSED:
            return self._access.access_key_id is None and self._renewed.refused()
        return False

    def credential_headers(self) -> Sequence[str]:
        """The signature, its time, and the token that goes with keys issued for a time."""
        permanent = self._access.access_key_id is not None and self._access.session_token is None
        return HEADERS[:2] if permanent else HEADERS

    def fingerprint(self) -> str:
        """Stands for the key, or for the profile or role by which one is found."""
        if self._access.access_key_id is not None:
            return account("aws", self._access.access_key_id.reveal())
        found = [os.environ.get(name) for name in ("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_ACCESS_KEY_ID")]
        return account("aws", self._access.profile or next(filter(None, found), "instance"))

    def _configured(self) -> Keys | None:
        access = self._access
        if access.access_key_id is None or access.secret_access_key is None:
            return None
        token = access.session_token
        return Keys(
            access.access_key_id.reveal(), access.secret_access_key.reveal(), None if token is None else token.reveal()
        )

    async def _issue(self) -> Issued[Keys]:
        if problem := self._access.missing_extra():
            raise NoCredentialError(problem)
        return await ask("AWS", self._found)

    def _found(self) -> Issued[Keys]:
        # A new session each time: botocore keeps what it was given once, even what the service has refused since.
        from botocore.session import Session

        session = Session(profile=self._access.profile)
        session.set_config_variable("region", self._region)
        found = session.get_credentials()
        if found is None:
            raise NoCredentialError(
                "no AWS credentials were found: not in the environment, the configuration files, a web identity, "
                "the container or the instance"
            )
        keys = found.get_frozen_credentials()
        ends = getattr(found, "_expiry_time", None)
        return Issued(
            Keys(keys.access_key, keys.secret_key, keys.token or None),
            ends.timestamp() if isinstance(ends, datetime) else None,
        )

    def _correct(self, headers: Mapping[str, str]) -> bool:
        now = self._clock()
        try:
            theirs = parsedate_to_datetime(headers.get("date", ""))
        except (ValueError, OverflowError):
            return False
        if theirs.year > LAST_YEAR:
            return False
        # A zone that is not given is UTC.
        offset = (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)).timestamp() - now
        if abs(offset - self._offset) > SKEW:
            self._offset, self._corrected_at = offset, now
            return True
        # Many calls are refused at once; the first one has set the clock right for all.
        return self._corrected_at is not None and 0 <= now - self._corrected_at < SETTLING


def _to_be_signed(name: str) -> bool:
    return name == "content-type" or (name.startswith("x-amz") and name not in HEADERS)


def _complaint(headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """The name and the message of an error answer, as far as it has them."""
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        read = None
    members = {str(name).lower(): value for name, value in read.items()} if isinstance(read, dict) else {}
    named = [headers.get("x-amzn-errortype"), members.get("__type"), members.get("code")]
    name = next((each for each in named if isinstance(each, str) and each), "")
    message = members.get("message")
    return name.split(":")[0].rpartition("#")[2], message if isinstance(message, str) else ""
