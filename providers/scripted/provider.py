"""The scripted provider: the contract, fulfilled without a network."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from providers.scripted.decode import ScriptedDecoder, decode_error, decode_whole
from providers.scripted.encode import encode
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Http, Prepared, Provider
from proxy.provider.errors import ProviderError
from proxy.responses.events import Event

_CAPABILITIES = Capabilities(family="scripted", audio=True, reasoning=True, verbosity=True)


class ScriptedSettings(BaseModel):
    """The scripted model has nothing to set: the prompt says it all."""

    model_config = ConfigDict(extra="forbid")


class Scripted(Provider):
    """A deterministic model that the prompt directs. It answers under every model name."""

    type = "scripted"
    Settings = ScriptedSettings

    def __init__(self, settings: ScriptedSettings, name: str = "scripted") -> None:
        self.settings = settings
        self.name = name

    @property
    def base_url(self) -> str:
        """A name in place of an address: there is nothing to connect to."""
        return "scripted:"

    def capabilities(self, model: str) -> Capabilities:
        """Everything that a script can play, whatever the model is called."""
        return _CAPABILITIES

    def encode(self, prepared: Prepared) -> Call:
        """The call, with the answer that the script asks for. Raises RefusedError for what cannot be played."""
        return encode(prepared)

    def decoder(self, prepared: Prepared) -> Decoder:
        """A reader for the streamed answer."""
        return ScriptedDecoder()

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole answer."""
        return decode_whole(body)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What `/fail` means."""
        return decode_error(status, headers, body)

    async def list_models(self, http: Http) -> list[str]:
        """One name for lists; every other name works as well."""
        return ["scripted"]
