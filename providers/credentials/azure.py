"""Credentials of Azure: tokens of Microsoft Entra ID, for an application, a workload or a managed identity."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import BaseModel, ConfigDict, model_validator

from providers.credentials.asking import NoCredentialError, account, ask, missing
from proxy.provider.contract import Call
from proxy.provider.renewal import Issued, Renewed
from proxy.provider.secret import Secret

if TYPE_CHECKING:
    from azure.identity import (
        CertificateCredential,
        ClientSecretCredential,
        DefaultAzureCredential,
        ManagedIdentityCredential,
        WorkloadIdentityCredential,
    )

    Source = (
        CertificateCredential
        | ClientSecretCredential
        | DefaultAzureCredential
        | ManagedIdentityCredential
        | WorkloadIdentityCredential
    )

NETWORK: Final[dict[str, Any]] = {
    "retry_total": 2,
    "retry_backoff_factor": 0.2,
    "connection_timeout": 5,
    "read_timeout": 15,
}
"""How patient azure-identity is; by itself it tries for minutes."""


class AzureAccess(BaseModel):
    """Where the token comes from. `client_secret` or `certificate_file`, with `tenant_id` and `client_id`: an
    application. `federated_token_file`, likewise: a workload identity, e.g. of Kubernetes. `managed_identity`: the
    identity of the machine, `client_id` names one that the user assigned. Otherwise azure-identity's usual chain is
    asked. `authority`: the address of the token service of another cloud. All of it needs the extra `azure`."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    certificate_file: Path | None = None
    federated_token_file: Path | None = None
    managed_identity: bool = False
    authority: str | None = None

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        proofs = [name for name in ("client_secret", "certificate_file", "federated_token_file") if getattr(self, name)]
        if len(proofs) + self.managed_identity > 1:
            raise ValueError("client_secret, certificate_file, federated_token_file, managed_identity: one at most")
        if proofs and (self.tenant_id is None or self.client_id is None):
            raise ValueError(f"{proofs[0]} needs tenant_id and client_id")
        return self

    def missing_extra(self) -> str | None:
        """What to install for these settings; None where nothing is missing."""
        return missing("azure.identity", "azure", "Microsoft Entra ID")


class AzureCredentials:
    """Gives calls a bearer token of Entra ID."""

    def __init__(self, access: AzureAccess, scope: str, *, clock: Callable[[], float] = time.time) -> None:
        """`scope` is what the token is for, e.g. `https://cognitiveservices.azure.com/.default`."""
        self._access = access
        self._scope = scope
        self._renewed = Renewed(self._issue, clock=clock)

    async def authorize(self, call: Call, url: str) -> Mapping[str, str]:
        """The token, for whichever call."""
        return {"authorization": f"Bearer {await self._renewed.get()}"}

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """A token that is refused with 401 is replaced."""
        return status == 401 and self._renewed.refused()

    def credential_headers(self) -> Sequence[str]:
        """The header of the token."""
        return ("authorization",)

    def fingerprint(self) -> str:
        """Stands for the tenant and the client, as far as they are known."""
        tenant = self._access.tenant_id or os.environ.get("AZURE_TENANT_ID")
        client = self._access.client_id or os.environ.get("AZURE_CLIENT_ID")
        return account("azure", tenant, client)

    async def _issue(self) -> Issued[str]:
        if problem := self._access.missing_extra():
            raise NoCredentialError(problem)
        secret = self._access.client_secret
        return await ask("Entra ID", self._found, None if secret is None else secret.reveal())

    def _found(self) -> Issued[str]:
        # A new one each time: azure-identity keeps a token to its end, even one that was refused since.
        source = _source(self._access)
        try:
            token = source.get_token(self._scope)
        finally:
            source.close()
        return Issued(token.token, float(token.expires_on))


def _source(access: AzureAccess) -> "Source":
    from azure import identity

    tenant, client = access.tenant_id or "", access.client_id or ""
    options = dict(NETWORK)
    if access.authority is not None:
        # Whether it is one is otherwise asked of the public cloud, which private clouds do not reach.
        options |= {"authority": access.authority, "disable_instance_discovery": True}
    if access.client_secret is not None:
        return identity.ClientSecretCredential(tenant, client, access.client_secret.reveal(), **options)
    if access.certificate_file is not None:
        return identity.CertificateCredential(tenant, client, str(access.certificate_file), **options)
    if access.federated_token_file is not None:
        return identity.WorkloadIdentityCredential(
            tenant_id=tenant, client_id=client, token_file_path=str(access.federated_token_file), **options
        )
    if access.managed_identity:
        return identity.ManagedIdentityCredential(client_id=access.client_id, **NETWORK)
    if access.client_id is not None:
        options |= {"managed_identity_client_id": client, "workload_identity_client_id": client}
    if access.tenant_id is not None:
        options |= {"workload_identity_tenant_id": tenant}
    return identity.DefaultAzureCredential(**options)
