"""Every place where credentials come from, set up against the issuers of a test."""

import base64
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from botocore.utils import ContainerMetadataFetcher
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.compute_engine import _metadata
from google.oauth2 import credentials as user_credentials

from providers.credentials import Credentials
from providers.credentials.aws import AwsAccess, AwsCredentials
from providers.credentials.azure import AzureAccess, AzureCredentials
from providers.credentials.google import GoogleAccess, GoogleCredentials
from proxy.provider.secret import Secret
from tests.providers.credentials.issuers import Issuers

SCOPE = "https://cognitiveservices.azure.com/.default"
CLIENT_SECRET = "client-secret~8Q"
USER_SECRET = "user-secret-7"
REFRESH_TOKEN = "1//refresh-token-of-a-user"
SUBJECT_TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJwb2QifQ.c2lnbmF0dXJl"
TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-000000000000"


@dataclass(frozen=True)
class Place:
    """Where a test runs: its issuers, its environment, its folder."""

    issuers: Issuers
    monkeypatch: pytest.MonkeyPatch
    folder: Path

    def file(self, name: str, content: str | bytes) -> Path:
        """Write a file."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def setenv(self, **variables: str) -> None:
        """Set variables of the environment."""
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)


Source = Callable[[Place], Credentials]


# --- AWS --------------------------------------------------------------------------------------------------------------


def aws(place: Place, **access: Any) -> AwsCredentials:
    """AWS's chain, or what `access` says."""
    return AwsCredentials(AwsAccess(**access), "eu-west-1", clock=place.issuers.clock)


def instance(place: Place) -> Credentials:
    """The role of an EC2 instance."""
    place.setenv(AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=place.issuers.url)
    return aws(place)


def container(place: Place) -> Credentials:
    """The role of a container."""
    place.monkeypatch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
    place.setenv(
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{place.issuers.url}/container",
        AWS_CONTAINER_AUTHORIZATION_TOKEN="container-authorization",
    )
    return aws(place)


def web_identity(place: Place) -> Credentials:
    """The role of a Kubernetes service account (IRSA)."""
    place.setenv(
        AWS_ROLE_ARN="arn:aws:iam::1:role/gateway",
        AWS_WEB_IDENTITY_TOKEN_FILE=str(place.file("web-identity", SUBJECT_TOKEN)),
        AWS_ENDPOINT_URL_STS=f"{place.issuers.url}/sts",
    )
    return aws(place)


# --- Google -----------------------------------------------------------------------------------------------------------


@cache
def private_key() -> rsa.RSAPrivateKey:
    """A key pair for this run of the tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> bytes:
    """The private key as it stands in files."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def google(place: Place, **members: Any) -> GoogleCredentials:
    """The credentials of a file."""
    return GoogleCredentials(
        GoogleAccess(credentials_file=place.file("google.json", json.dumps(members))), clock=place.issuers.clock
    )


def service_account(place: Place) -> GoogleCredentials:
    """A service account with a key of its own."""
    return google(
        place,
        type="service_account",
        project_id="file-project",
        private_key_id="k1",
        private_key=pem(private_key()).decode(),
        client_email="gateway@file-project.iam.gserviceaccount.com",
        token_uri=f"{place.issuers.url}/google/token",
    )


def user(place: Place) -> GoogleCredentials:
    """A person who has logged in with gcloud: the application default credentials."""
    folder = place.folder / "gcloud"
    folder.mkdir(exist_ok=True)
    members = {
        "type": "authorized_user",
        "client_id": "someone.apps.googleusercontent.com",
        "client_secret": USER_SECRET,
        "refresh_token": REFRESH_TOKEN,
        "quota_project_id": "paying-project",
    }
    (folder / "application_default_credentials.json").write_text(json.dumps(members))
    place.setenv(CLOUDSDK_CONFIG=str(folder))
    # No file can name another address for the tokens of people.
    place.monkeypatch.setattr(user_credentials, "_GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"{place.issuers.url}/google/token")
    return GoogleCredentials(GoogleAccess(), clock=place.issuers.clock)


def workload(place: Place) -> GoogleCredentials:
    """A workload of another cloud: its token is exchanged."""
    members = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/12/locations/global/workloadIdentityPools/p/providers/q",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{place.issuers.url}/google/sts",
        "credential_source": {"file": str(place.file("subject", SUBJECT_TOKEN))},
    }
    place.setenv(GOOGLE_APPLICATION_CREDENTIALS=str(place.file("workload.json", json.dumps(members))))
    return GoogleCredentials(GoogleAccess(), clock=place.issuers.clock)


def machine(place: Place) -> GoogleCredentials:
    """The service account of a machine of Google's."""
    address = f"127.0.0.1:{place.issuers.port}"
    place.monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", False)
    place.monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", address)
    place.setenv(GCE_METADATA_IP=address)
    return GoogleCredentials(GoogleAccess(), clock=place.issuers.clock)


# --- Azure ------------------------------------------------------------------------------------------------------------


def azure(place: Place, **access: Any) -> AzureCredentials:
    """Azure's chain, or what `access` says."""
    return AzureCredentials(AzureAccess(**access), SCOPE, clock=place.issuers.clock)


def application(place: Place) -> Credentials:
    """An application with a secret."""
    return azure(
        place,
        tenant_id=TENANT,
        client_id=CLIENT,
        client_secret=Secret(CLIENT_SECRET),
        authority=place.issuers.tls_url,
    )


def certified_application(place: Place) -> Credentials:
    """An application with a certificate."""
    key = private_key()
    written = pem(key) + certificate(key, "gateway").public_bytes(serialization.Encoding.PEM)
    return azure(
        place,
        tenant_id=TENANT,
        client_id=CLIENT,
        certificate_file=place.file("application.pem", written),
        authority=place.issuers.tls_url,
    )


def federated(place: Place) -> Credentials:
    """A workload identity of Kubernetes."""
    return azure(
        place,
        tenant_id=TENANT,
        client_id=CLIENT,
        federated_token_file=place.file("federated", SUBJECT_TOKEN),
        authority=place.issuers.tls_url,
    )


def managed_identity(place: Place) -> Credentials:
    """The identity of a machine of Azure's."""
    place.setenv(IDENTITY_ENDPOINT=f"{place.issuers.url}/azure/identity", IDENTITY_HEADER="identity-header-secret")
    return azure(place, managed_identity=True, client_id=CLIENT)


def found_by_the_chain(place: Place) -> Credentials:
    """What azure-identity's chain finds: the identity of the machine."""
    place.setenv(IDENTITY_ENDPOINT=f"{place.issuers.url}/azure/identity", IDENTITY_HEADER="identity-header-secret")
    return azure(place)


WITH_TLS = (application, certified_application, federated)

SOURCES: Mapping[str, Source] = {
    source.__name__: source
    for source in (
        instance,
        container,
        web_identity,
        service_account,
        user,
        workload,
        machine,
        application,
        certified_application,
        federated,
        managed_identity,
        found_by_the_chain,
    )
}

SECRETS = (
    CLIENT_SECRET,
    USER_SECRET,
    REFRESH_TOKEN,
    SUBJECT_TOKEN,
    "container-authorization",
    "identity-header-secret",
    "imds-session",
    "PRIVATE KEY",
)
"""What no error may show."""


# --- TLS --------------------------------------------------------------------------------------------------------------


def certificate(key: rsa.RSAPrivateKey, name: str) -> x509.Certificate:
    """A certificate that the key has signed itself, for this machine."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )


async def listen_with_tls(place: Place) -> None:
    """Have the issuers answer with TLS, and be believed."""
    key = private_key()
    shown = certificate(key, "localhost").public_bytes(serialization.Encoding.PEM)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain = place.file("issuers.pem", shown + pem(key))
    context.load_cert_chain(chain)
    await place.issuers.listen_with_tls(context)
    place.setenv(REQUESTS_CA_BUNDLE=str(place.file("ca.pem", shown)))


def decoded(text: str) -> bytes:
    """The bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
