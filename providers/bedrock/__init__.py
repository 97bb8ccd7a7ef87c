"""Amazon Bedrock's Converse API: one shape for the models of all its makers."""

from collections.abc import Mapping, Sequence

from providers.anthropic.property_names import RestoredCalls, RestoringDecoder
from providers.bedrock.amend import amended
from providers.bedrock.catalogue import listed_models
from providers.bedrock.count import counted_tokens, counting
from providers.bedrock.decode import ConverseDecoder
from providers.bedrock.encode import encode, format_obstacle, property_names
from providers.bedrock.errors import http_error
from providers.bedrock.models import Models
from providers.bedrock.settings import BedrockSettings
from providers.bedrock.whole import decode_answer
from providers.credentials.aws import AwsCredentials
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Http, HttpAnswer, Origin, Prepared, Provider
from proxy.provider.conversions import Conversion
from proxy.provider.errors import ProviderError
from proxy.responses.events import Event

__all__ = ["Bedrock", "BedrockSettings"]


class Bedrock(Provider):
    """One AWS account, in one region."""

    type = "bedrock"
    Settings = BedrockSettings
    environment_key = "AWS_BEARER_TOKEN_BEDROCK"

    def __init__(self, settings: BedrockSettings, name: str = "bedrock") -> None:
        self.name = name
        self.settings = settings
        self._models = Models(settings.families)
        self._credentials = AwsCredentials(settings.aws, settings.region)

    @property
    def base_url(self) -> str:
        """The endpoint of the region's models."""
        return self.settings.runtime

    @property
    def price_catalogue(self) -> str:
        """Bedrock's prices."""
        return "aws"

    def capabilities(self, model: str) -> Capabilities:
        """The row of the shipped table."""
        return self._models.capabilities(model)

    def encode(self, prepared: Prepared) -> Call:
        """The call of Converse or ConverseStream; streamed also where a whole answer would take the vendor too long."""
        return encode(prepared, self.settings, self._models)

    def format_obstacle(self, form: Mapping[str, object], prepared: Prepared) -> str | None:
        """What the structured outputs of the vendor and the model do not take; there is no JSON mode."""
        return format_obstacle(form, prepared)

    def decoder(self, prepared: Prepared) -> Decoder:
        """A reader for the stream."""
        model = self._models.asked(prepared)
        decoder = ConverseDecoder(model, gross=model.gross_streams)
        names = property_names(prepared, model)
        return RestoringDecoder(decoder, names) if names else decoder

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole answer."""
        model = self._models.asked(prepared)
        events = decode_answer(body, model)
        names = property_names(prepared, model)
        return RestoredCalls(names).apply(events) if names else events

    def encode_count(self, prepared: Prepared) -> Call | None:
        """The call of CountTokens, for models that have it."""
        return counting(self.encode(prepared), prepared.model) if self._models.asked(prepared).counts else None

    def decode_count(self, body: bytes) -> int:
        """The number that the counter gives."""
        return counted_tokens(body)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error answer means."""
        return http_error(status, headers, body)

    def origin(self, model: str) -> Origin:
        """Reasoning proofs go back to the account and region that they were given by."""
        key = self.settings.api_key
        account = key.fingerprint() if key is not None else self._credentials.fingerprint()
        return Origin(self.type, self.base_url, account)

    async def authorize(self, call: Call, http: Http) -> Mapping[str, str]:
        """The API key, or else the signature of the call."""
        return await self._authorize(call, self.base_url + call.path)

    def credential_headers(self) -> Sequence[str]:
        """The headers of the key or the signature."""
        return ("authorization",) if self.settings.api_key is not None else self._credentials.credential_headers()

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the credentials are other ones now, or the clock was put right; an API key is what it is."""
        return self.settings.api_key is None and self._credentials.renew(status, headers, body)

    def amend(self, call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
        """The call without what the vendor refused, where the answer says what that was."""
        return amended(call, error)

    async def list_models(self, http: Http) -> list[str]:
        """The ids of models and inference profiles that the account can call in the region."""

        async def get(path: str) -> HttpAnswer:
            url = self.settings.control + path
            headers = await self._authorize(Call(path, b"", method="GET"), url)
            return await http.request("GET", url, headers=headers)

        return await listed_models(get)

    async def _authorize(self, call: Call, url: str) -> Mapping[str, str]:
        key = self.settings.api_key
        if key is not None:
            return {"authorization": f"Bearer {key.reveal()}"}
        return await self._credentials.authorize(call, url)
