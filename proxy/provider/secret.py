"""Secrets that do not show themselves: in logs, reprs and error texts there are only stars."""

import hashlib
from pathlib import Path

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema


class Secret:
    """A credential, given as text or as `{file: PATH}`. A file is read again when it changes, so keys can rotate.

    `base` is the folder that relative paths start from (the configuration file's); the loader makes them absolute.
    """

    __slots__ = ("_path", "_problem", "_stamp", "_value")

    def __init__(self, value: str = "", *, path: Path | None = None) -> None:
        self._value = value.strip()
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._problem: str | None = None
        if path is not None:
            self.reveal()

    def reveal(self) -> str:
        """The credential. Raises OSError when its file was never readable, ValueError when it never held anything. One
        that vanishes later, is empty or is no text, as a file is that is just being written, keeps its last value."""
        if self._path is None:
            return self._value
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._stamp:
                value = self._path.read_text(encoding="utf-8").strip()
                if not value:
                    raise ValueError("is empty")
                self._value, self._stamp = value, stamp
            self._problem = None
        except (OSError, ValueError) as error:
            if self._stamp is None:
                raise
            self._problem = _reason(error)
        return self._value

    @property
    def file(self) -> Path | None:
        """Where it stands; None for one that is given as text."""
        return self._path

    def problem(self) -> str | None:
        """Why its file cannot be used, so that its last value holds; None while it can."""
        self.reveal()
        return self._problem

    def fingerprint(self) -> str:
        """16 hexadecimal characters that stand for the account behind the credential."""
        return hashlib.sha256(b"dragoman account " + self.reveal().encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(self._path)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._validate)

    @classmethod
    def _validate(cls, value: object) -> "Secret":
        if isinstance(value, Secret):
            return value
        if isinstance(value, str):
            if not value.strip():
                raise ValueError("is empty")
            return cls(value)
        if isinstance(value, dict) and set(value) == {"file"} and isinstance(value["file"], str):
            try:
                return cls(path=Path(value["file"]))
            except OSError as error:
                raise ValueError(f"cannot read {value['file']}: {error.strerror}") from None
            except UnicodeDecodeError:
                raise ValueError(f"cannot read {value['file']}: it is not text") from None
        raise ValueError("expected text, ${VARIABLE} or {file: PATH}")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return error.strerror or "cannot be read"
    # The text of a decoding error would show what stands in the file.
    return "is no text" if isinstance(error, UnicodeDecodeError) else str(error)
