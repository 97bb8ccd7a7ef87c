"""Reasoning proofs on their way: sealed for the client with their origin, and opened for that very origin alone."""

from proxy.exchange.endpoint import Target
from proxy.exchange.history import OpenProof
from proxy.provider.conversions import Conversion, dropped
from proxy.provider.history import OpenedProof
from proxy.responses.assembler import Seal
from proxy.responses.events import Proof
from proxy.responses.seal import SealedProof, Sealer


def sealing(sealer: Sealer, target: Target, family: str, client: str) -> Seal:
    """How the proofs of an answer are sealed.

    A function and not a method of a run: a cycle would keep each request's data until the garbage collector comes by.
    """

    def seal(proof: Proof, text: str | None) -> str:
        origin = target.endpoint.provider.origin(target.model)
        return sealer.seal(
            SealedProof(
                provider=origin.provider,
                endpoint=origin.endpoint,
                account=origin.account,
                family=family,
                client=client,
                kind=proof.kind,
                binds=proof.binds,
                payload=proof.payload,
                text=text,
            )
        )

    return seal


def opening(sealer: Sealer, target: Target, family: str, client: str, conversions: list[Conversion]) -> OpenProof:
    """How the proofs in a history are opened; one that was made elsewhere is dropped and declared."""

    def open_proof(sealed: str, path: str) -> OpenedProof | None:
        proof = sealer.open(sealed, client=client, path=path)
        origin = target.endpoint.provider.origin(target.model)
        if proof is None or (proof.provider, proof.endpoint, proof.account, proof.family) != (
            origin.provider,
            origin.endpoint,
            origin.account,
            family,
        ):
            conversions.append(dropped(path, "the reasoning was made elsewhere and means nothing to this model"))
            return None
        return OpenedProof(proof.kind, proof.payload, proof.binds, proof.text)

    return open_proof
