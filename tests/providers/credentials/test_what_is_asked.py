"""What the issuers are asked, by each source, and what of the environment counts."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from pydantic import ValidationError

from providers.credentials.azure import AzureAccess
from providers.credentials.google import GoogleAccess, GoogleCredentials
from proxy.provider.contract import Call
from proxy.provider.errors import ProviderError
from proxy.provider.secret import Secret
from tests.providers.credentials import sources
from tests.providers.credentials.issuers import Issuers, claims
from tests.providers.credentials.sources import CLIENT, CLIENT_SECRET, SUBJECT_TOKEN, TENANT, Place

CALL = Call("/v1/x", b"{}")
URL = "https://vendor.example/v1/x"


@pytest.fixture
def place(issuers: Issuers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    return Place(issuers, monkeypatch, tmp_path)


# --- AWS --------------------------------------------------------------------------------------------------------------


async def test_an_instance_is_asked_with_a_session(place: Place) -> None:
    headers = await sources.instance(place).authorize(CALL, URL)
    assert "Credential=AKID1/" in headers["authorization"]
    assert place.issuers.paths() == [
        "/latest/api/token",
        "/latest/meta-data/iam/security-credentials/",
        "/latest/meta-data/iam/security-credentials/gateway-role",
    ]
    assert [asked.headers.get("x-aws-ec2-metadata-token") for asked in place.issuers.asked[1:]] == ["imds-session"] * 2


async def test_a_container_is_asked_with_its_authorization(place: Place) -> None:
    await sources.container(place).authorize(CALL, URL)
    assert [asked.headers["authorization"] for asked in place.issuers.asked] == ["container-authorization"]


async def test_a_role_is_assumed_with_the_token_of_the_file(place: Place) -> None:
    await sources.web_identity(place).authorize(CALL, URL)
    form = place.issuers.asked[0].form
    assert (form["Action"], form["RoleArn"]) == ("AssumeRoleWithWebIdentity", "arn:aws:iam::1:role/gateway")
    assert form["WebIdentityToken"] == SUBJECT_TOKEN


async def test_a_token_file_that_was_replaced_is_read_again(place: Place) -> None:
    credentials = sources.web_identity(place)
    await credentials.authorize(CALL, URL)
    place.file("web-identity", "another-token")
    place.issuers.clock.added += 3601
    await credentials.authorize(CALL, URL)
    assert [asked.form["WebIdentityToken"] for asked in place.issuers.asked] == [SUBJECT_TOKEN, "another-token"]


async def test_a_profile_may_name_a_program(place: Place) -> None:
    output = {"Version": 1, "AccessKeyId": "AKIDP", "SecretAccessKey": "s", "SessionToken": "t-program"}
    answer = place.file("answer.json", json.dumps(output))
    place.setenv(AWS_CONFIG_FILE=str(place.file("config", f"[profile house]\ncredential_process = cat {answer}\n")))
    headers = await sources.aws(place, profile="house").authorize(CALL, URL)
    assert headers["x-amz-security-token"] == "t-program"


async def test_a_profile_may_hold_keys(place: Place) -> None:
    file = place.file("keys", "[house]\naws_access_key_id = AKIDF\naws_secret_access_key = s\n")
    place.setenv(AWS_SHARED_CREDENTIALS_FILE=str(file))
    headers = await sources.aws(place, profile="house").authorize(CALL, URL)
    assert "Credential=AKIDF/" in headers["authorization"]


async def test_keys_in_a_file_that_were_refused_are_read_again(place: Place) -> None:
    text = "[default]\naws_access_key_id = {0}\naws_secret_access_key = s\naws_session_token = t\n"
    place.setenv(AWS_SHARED_CREDENTIALS_FILE=str(place.file("keys", text.format("AKIDOLD"))))
    credentials = sources.aws(place)
    assert "Credential=AKIDOLD/" in (await credentials.authorize(CALL, URL))["authorization"]
    place.file("keys", text.format("AKIDNEW"))
    assert "Credential=AKIDOLD/" in (await credentials.authorize(CALL, URL))["authorization"]
    assert credentials.renew(403, {"x-amzn-errortype": "ExpiredTokenException"}, b"")
    assert "Credential=AKIDNEW/" in (await credentials.authorize(CALL, URL))["authorization"]


async def test_the_environment_may_hold_keys(place: Place) -> None:
    place.setenv(AWS_ACCESS_KEY_ID="AKIDENV", AWS_SECRET_ACCESS_KEY="s")
    headers = await sources.aws(place).authorize(CALL, URL)
    assert "Credential=AKIDENV/" in headers["authorization"]
    assert "x-amz-security-token" not in headers


async def test_a_profile_that_nobody_wrote_is_named(place: Place) -> None:
    with pytest.raises(ProviderError) as caught:
        await sources.aws(place, profile="nowhere").authorize(CALL, URL)
    assert "nowhere" in str(caught.value.__cause__)


async def test_where_there_are_no_credentials_it_says_so(place: Place) -> None:
    with pytest.raises(ProviderError) as caught:
        await sources.aws(place).authorize(CALL, URL)
    assert str(caught.value.__cause__).startswith("no AWS credentials were found")


# --- Google -----------------------------------------------------------------------------------------------------------


async def test_a_service_account_signs_what_it_asks_for(place: Place) -> None:
    headers = await sources.service_account(place).authorize(CALL, URL)
    assert headers == {"authorization": "Bearer token-1"}
    form = place.issuers.asked[0].form
    said = claims(form["assertion"])
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert said["iss"] == "gateway@file-project.iam.gserviceaccount.com"
    assert said["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    signed, _, signature = form["assertion"].rpartition(".")
    sources.private_key().public_key().verify(
        sources.decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
    )


async def test_a_person_gives_the_project_that_pays(place: Place) -> None:
    headers = await sources.user(place).authorize(CALL, URL)
    assert headers == {"authorization": "Bearer token-1", "x-goog-user-project": "paying-project"}
    assert place.issuers.asked[0].form["grant_type"] == "refresh_token"


async def test_the_environment_may_name_the_project_that_pays(place: Place) -> None:
    place.setenv(GOOGLE_CLOUD_QUOTA_PROJECT="another")
    assert (await sources.user(place).authorize(CALL, URL))["x-goog-user-project"] == "another"


async def test_a_workload_exchanges_its_token(place: Place) -> None:
    await sources.workload(place).authorize(CALL, URL)
    form = place.issuers.asked[0].form
    assert place.issuers.paths() == ["/google/sts"], "the project is nobody's business here"
    assert (form["subject_token"], form["scope"]) == (SUBJECT_TOKEN, "https://www.googleapis.com/auth/cloud-platform")


async def test_a_workload_may_get_its_token_from_a_server(place: Place) -> None:
    credentials = sources.google(
        place,
        type="external_account",
        audience="a",
        subject_token_type="urn:ietf:params:oauth:token-type:jwt",
        token_url=f"{place.issuers.url}/google/sts",
        credential_source={"url": f"{place.issuers.url}/subject"},
    )
    await credentials.authorize(CALL, URL)
    assert place.issuers.paths() == ["/subject", "/google/sts"]
    assert place.issuers.asked[1].form["subject_token"] == "subject-token"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "JSONDecodeError"),
        ("[]", "holds no credentials of a type that is known"),
        ("{}", "holds no credentials of a type that is known"),
        ('{"type": 5}', "holds no credentials of a type that is known"),
        ('{"type": "service_account"}', "MalformedError"),
        (
            '{"type": "service_account", "client_email": "e", "token_uri": "u", "private_key": "secret-key"}',
            "Google gave",
        ),
        ('{"type": "external_account", "credential_source": 5}', "Google gave no credential"),
        ('{"type": "authorized_user", "client_id": 5}', "Google gave no credential"),
    ],
)
async def test_a_file_that_cannot_be_used_is_told(place: Place, content: str, told: str) -> None:
    credentials = GoogleCredentials(GoogleAccess(credentials_file=place.file("odd.json", content)))
    assert len(credentials.fingerprint()) == 16
    with pytest.raises(ProviderError) as caught:
        await credentials.authorize(CALL, URL)
    assert told in str(caught.value.__cause__)
    assert "secret-key" not in str(caught.value.__cause__)


async def test_a_file_that_is_not_there_is_named(place: Place) -> None:
    credentials = GoogleCredentials(GoogleAccess(credentials_file=place.folder / "missing.json"))
    with pytest.raises(ProviderError) as caught:
        await credentials.authorize(CALL, URL)
    assert "missing.json" in str(caught.value.__cause__)


async def test_where_no_google_credentials_are_it_says_so(place: Place) -> None:
    with pytest.raises(ProviderError) as caught:
        await GoogleCredentials(GoogleAccess()).authorize(CALL, URL)
    assert "default credentials were not found" in str(caught.value.__cause__)


async def test_the_project_comes_from_the_file(place: Place) -> None:
    credentials = sources.service_account(place)
    place.setenv(GOOGLE_CLOUD_PROJECT="of-the-environment")
    assert await credentials.project() == "file-project"
    assert place.issuers.asked == []


async def test_the_project_of_default_credentials_comes_from_the_environment_first(place: Place) -> None:
    credentials = sources.user(place)
    assert await credentials.project() == "paying-project"
    place.setenv(GOOGLE_CLOUD_PROJECT="of-the-environment")
    assert await credentials.project() == "of-the-environment"
    assert place.issuers.asked == []


async def test_the_project_of_a_machine_is_asked_for(place: Place) -> None:
    credentials = sources.machine(place)
    assert await credentials.project() == "machine-project"
    assert await credentials.project() == "machine-project"
    assert (await credentials.authorize(CALL, URL))["authorization"] == "Bearer token-1"
    assert place.issuers.issued == 1


async def test_a_workload_may_have_no_project(place: Place) -> None:
    assert await sources.workload(place).project() is None


def test_accounts_have_different_names(place: Place) -> None:
    one = GoogleAccess(credentials_file=place.file("one.json", '{"client_email": "one"}'))
    two = GoogleAccess(credentials_file=place.file("two.json", '{"client_email": "two"}'))
    again = GoogleAccess(credentials_file=place.file("again.json", '{"client_email": "one", "private_key_id": "new"}'))
    names = [GoogleCredentials(access).fingerprint() for access in (one, two, again, GoogleAccess())]
    assert names[0] == names[2]
    assert len(set(names)) == 3


# --- Azure ------------------------------------------------------------------------------------------------------------


async def test_an_application_shows_its_secret(place: Place) -> None:
    await sources.listen_with_tls(place)
    await sources.application(place).authorize(CALL, URL)
    asked = place.issuers.asked[-1]
    assert asked.path == f"/{TENANT}/oauth2/v2.0/token"
    assert (asked.form["client_id"], asked.form["client_secret"]) == (CLIENT, CLIENT_SECRET)
    assert (asked.form["grant_type"], asked.form["scope"]) == ("client_credentials", sources.SCOPE)


async def test_a_secret_in_a_file_that_was_replaced_is_read_again(place: Place) -> None:
    await sources.listen_with_tls(place)
    file = place.file("secret", "first-secret")
    credentials = sources.azure(
        place,
        tenant_id=TENANT,
        client_id=CLIENT,
        client_secret={"file": str(file)},
        authority=place.issuers.tls_url,
    )
    await credentials.authorize(CALL, URL)
    place.file("secret", "second-secret!")
    assert credentials.renew(401, {}, b"")
    await credentials.authorize(CALL, URL)
    shown = [asked.form["client_secret"] for asked in place.issuers.asked if asked.path.endswith("/token")]
    assert shown == ["first-secret", "second-secret!"]


@pytest.mark.parametrize("source", [sources.certified_application, sources.federated])
async def test_a_workload_or_certificate_shows_an_assertion(place: Place, source: sources.Source) -> None:
    await sources.listen_with_tls(place)
    await source(place).authorize(CALL, URL)
    form = place.issuers.asked[-1].form
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    said = form["client_assertion"]
    assert said == SUBJECT_TOKEN if source is sources.federated else claims(said)["sub"] == CLIENT


async def test_a_managed_identity_is_asked_for_the_resource(place: Place) -> None:
    await sources.managed_identity(place).authorize(CALL, URL)
    asked = place.issuers.asked[0]
    assert asked.query == {
        "api-version": "2019-08-01",
        "resource": "https://cognitiveservices.azure.com",
        "client_id": CLIENT,
    }
    assert asked.headers["x-identity-header"] == "identity-header-secret"


async def test_an_authority_without_tls_is_not_asked(place: Place) -> None:
    credentials = sources.azure(
        place, tenant_id=TENANT, client_id=CLIENT, client_secret=Secret("s3cret"), authority=place.issuers.url
    )
    with pytest.raises(ProviderError) as caught:
        await credentials.authorize(CALL, URL)
    assert "https" in str(caught.value.__cause__)
    assert place.issuers.asked == []


async def test_an_authority_whose_certificate_is_unknown_is_told_nothing(place: Place) -> None:
    await sources.listen_with_tls(place)
    place.monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(ProviderError) as caught:
        await sources.application(place).authorize(CALL, URL)
    assert "certificate" in str(caught.value.__cause__).lower()
    assert place.issuers.asked == []


@pytest.mark.parametrize(
    "options",
    [
        {"client_secret": "s"},
        {"client_secret": "s", "tenant_id": "t"},
        {"certificate_file": "c.pem", "client_id": "c"},
        {"client_secret": "s", "managed_identity": True, "tenant_id": "t", "client_id": "c"},
        {"client_secret": "s", "federated_token_file": "f", "tenant_id": "t", "client_id": "c"},
        {"client_key": "s"},
    ],
)
def test_settings_that_do_not_belong_together_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AzureAccess.model_validate(options)
