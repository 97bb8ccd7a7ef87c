"""Parrot, a vendor that does not exist: `POST /v2/speak`, whole or as lines of JSON."""

from collections.abc import Mapping, Sequence

import orjson
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Http, Origin, Prepared, Provider
from proxy.provider.errors import ProviderError
from proxy.provider.secret import Secret
from proxy.responses.events import Event
from pydantic import BaseModel, ConfigDict, field_validator

from dragoman_parrot.decode import ParrotDecoder, decode_answer
from dragoman_parrot.encode import encode, encode_count
from dragoman_parrot.errors import error_of

__all__ = ["Parrot", "ParrotSettings"]


class ParrotSettings(BaseModel):
    """One Parrot account. `base_url`: the address, without `/v2`."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    base_url: str = "https://api.parrot.example"
    api_key: Secret | None = None

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("has to begin with http:// or https://")
        return value.rstrip("/").removesuffix("/v2")


class Parrot(Provider):
    """Parrot's models."""

    type = "parrot"
    Settings = ParrotSettings
    environment_key = "PARROT_API_KEY"

    def __init__(self, settings: ParrotSettings, name: str = "parrot") -> None:
        self.settings = settings
        self.name = name

    @property
    def base_url(self) -> str:
        """The endpoint, to which paths are appended."""
        return self.settings.base_url

    def capabilities(self, model: str) -> Capabilities:
        """Text and functions. The large ones can be told which function to call."""
        return Capabilities(
            family=model,
            images=False,
            files=False,
            json_schema=False,
            json_object=False,
            forced_tool_choice=model.startswith("macaw"),
            tool_name_limit=40,
            context_window=32_000,
        )

    def encode(self, prepared: Prepared) -> Call:
        """The call of `/v2/speak`."""
        return encode(prepared)

    def decoder(self, prepared: Prepared) -> Decoder:
        """A reader for the stream."""
        return ParrotDecoder()

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole answer."""
        return decode_answer(body)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error answer means."""
        return error_of(status, headers, body)

    def encode_count(self, prepared: Prepared) -> Call:
        """The call of `/v2/count`, which takes what `/v2/speak` takes."""
        return encode_count(prepared)

    def decode_count(self, body: bytes) -> int:
        """The number of tokens that Parrot would hear."""
        answer = orjson.loads(body)
        heard = answer.get("heard") if isinstance(answer, dict) else None
        if not isinstance(heard, int):
            raise ValueError("no number of tokens")
        return heard

    def origin(self, model: str) -> Origin:
        """The account."""
        return Origin(self.type, self.base_url, self.settings.api_key.fingerprint() if self.settings.api_key else "")

    async def authorize(self, call: Call, http: Http) -> Mapping[str, str]:
        """The key, in a header of its own."""
        return {"x-parrot-key": self.settings.api_key.reveal()} if self.settings.api_key else {}

    def credential_headers(self) -> Sequence[str]:
        """The header of the key."""
        return ("x-parrot-key",) if self.settings.api_key else ()

    async def list_models(self, http: Http) -> list[str]:
        """The models of the account, `GET /v2/parrots`."""
        call = Call("/v2/parrots", b"", method="GET")
        answer = await http.request("GET", self.base_url + call.path, headers=await self.authorize(call, http))
        if answer.status != 200:
            raise self.error(answer.status, answer.headers, answer.body)
        try:
            return [str(entry["name"]) for entry in orjson.loads(answer.body)["parrots"]]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise ProviderError("vendor_failure", "Parrot's list of models could not be read.") from None
