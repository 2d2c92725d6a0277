"""The vault: personal fields sealed one by one with AES-256-GCM, found again by a keyed blind index; keys live outside the database."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, overload

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ColumnElement

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


class VaultError(Exception):
    """Something sealed cannot be sealed, opened or compared. The message names the place, never the value."""


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"portal/" + purpose).derive(key)


class Vault:
    """Seals and opens with the keys of one installation.

    A sealed value is: 1 byte key id, 12 bytes nonce, ciphertext, 16 bytes tag. The context (table.column:row code) is authenticated
    with it, so that a ciphertext copied to another row or column does not open. The blind index is made under the lowest key id and
    therefore survives a change of the current key; to retire the lowest key, every index has to be written anew.
    """

    def __init__(self, keys: Mapping[int, bytes], current: int) -> None:
        if current not in keys:
            raise VaultError(f"there is no key with the current id {current}")
        for key_id, key in keys.items():
            if not 0 <= key_id <= 255 or len(key) != KEY_BYTES:
                raise VaultError(f"key {key_id}: ids are 0 to 255 and a key has {KEY_BYTES} bytes")
        self._current = current
        self._seals = {key_id: AESGCM(_derive(key, b"seal")) for key_id, key in keys.items()}
        self._index_key = _derive(keys[min(keys)], b"index")

    def __repr__(self) -> str:
        return f"<Vault keys={sorted(self._seals)} current={self._current}>"

    def seal_bytes(self, clear: bytes, context: str) -> bytes:
        """Seal any bytes (a photo, strokes) for the one place that `context` names."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return bytes([self._current]) + nonce + self._seals[self._current].encrypt(nonce, clear, context.encode())

    def open_bytes(self, sealed: bytes, context: str) -> bytes:
        """The clear bytes. VaultError for an unknown key, another place than it was sealed for, or a changed byte."""
        if len(sealed) < 1 + NONCE_BYTES + TAG_BYTES:
            raise VaultError(f"{context}: too short to be a sealed value")
        seal = self._seals.get(sealed[0])
        if seal is None:
            raise VaultError(f"{context}: sealed with key {sealed[0]}, which is not in the key file")
        try:
            return seal.decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], context.encode())
        except InvalidTag:
            raise VaultError(f"{context}: changed, or moved from another place") from None

    def seal(self, clear: str, context: str) -> bytes:
        """Seal a text."""
        return self.seal_bytes(clear.encode(), context)

    def open(self, sealed: bytes, context: str) -> str:
        """The clear text; errors as `open_bytes`."""
        return self.open_bytes(sealed, context).decode()

    def reseal(self, sealed: bytes, context: str) -> bytes:
        """The same value under the current key; unchanged where it already is."""
        return sealed if sealed[:1] == bytes([self._current]) else self.seal_bytes(self.open_bytes(sealed, context), context)

    def index(self, normalised: str, column: str) -> bytes:
        """The blind index (HMAC-SHA-256, 32 bytes) of a normalised value; another one in each table.column."""
        mac = HMAC(self._index_key, SHA256())
        mac.update(column.encode() + b"\0" + normalised.encode())
        return mac.finalize()


def load(path: Path) -> Vault:
    """Read the key file: JSON with the current key id and the keys in base64. VaultError where it is missing or damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        keys = {int(key_id): base64.b64decode(text, validate=True) for key_id, text in kept["keys"].items()}
        return Vault(keys, int(kept["current"]))
    except FileNotFoundError:
        raise VaultError(f"{path}: there is no key file; put it back from its backup: what was sealed can only be read with it") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise VaultError(f"{path}: the key file is damaged; put it back from its backup") from None


def load_or_create(path: Path) -> Vault:
    """Read the key file, or make one (mode 0600, whole or not at all, on disk before anything is sealed with it)."""
    if not path.exists():
        fresh = {"current": 1, "keys": {"1": base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}}
        create_once(path, json.dumps(fresh, indent=1).encode())
    return load(path)


def create_once(path: Path, content: bytes) -> None:
    """Write a new file whole; when two processes start at once the first one's file stays and both read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike a rename it never replaces a key file that is already in use
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


_installed: Vault | None = None


def install(vault: Vault) -> None:
    """Make this the vault that the models of this process use."""
    global _installed
    _installed = vault


def installed() -> Vault:
    """The vault of this process. VaultError before `install`."""
    if _installed is None:
        raise VaultError("no vault is installed: create_app() or the command does it")
    return _installed


class SealedColumn:
    """What `Household.id_no` is in a query: nothing but `equals` is possible on a sealed value."""

    def __init__(self, model: type[Any], secret: Secret) -> None:
        self._model = model
        self._secret = secret

    def equals(self, value: str) -> ColumnElement[bool]:
        """The SQL condition "has this value", asked of the blind index; the value is normalised as it was when it was sealed."""
        digest = self._secret.digest(self._model, value)
        condition: ColumnElement[bool] = getattr(self._model, self._secret.index_column) == digest
        return condition

    def _refuse(self, *_: object) -> NoReturn:
        name = f"{self._model.__name__}.{self._secret.name}"
        raise VaultError(f"{name} is sealed and cannot be compared in a query: use {name}.equals(value)")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __add__ = __clause_element__ = _refuse
    in_ = not_in = is_ = is_not = like = ilike = contains = startswith = endswith = asc = desc = label = _refuse
    __hash__ = object.__hash__


class Secret:
    """A sealed text of a model: `id_no = Secret("id_no", index=…)` over the columns `id_no_sealed` and `id_no_index`.

    Setting seals, and writes the blind index in the same breath; reading opens. The row needs its `code` first, because the seal is bound to it.
    None and "" empty both columns. `index` normalises a value to its one spelling; without it the value cannot be searched.
    """

    def __init__(self, name: str, index: Callable[[str], str] | None = None) -> None:
        self.name = name
        self.index_column = f"{name}_index"
        self._sealed_column = f"{name}_sealed"
        self._normalise = index

    def __repr__(self) -> str:
        return f"<Secret {self.name}>"

    @overload
    def __get__(self, row: None, model: type[Any]) -> SealedColumn: ...
    @overload
    def __get__(self, row: object, model: type[Any]) -> str | None: ...
    def __get__(self, row: Any, model: type[Any]) -> SealedColumn | str | None:
        if row is None:
            return SealedColumn(model, self)
        sealed = getattr(row, self._sealed_column)
        return None if sealed is None else installed().open(sealed, self._context(row))

    def __set__(self, row: Any, value: str | None) -> None:
        sealed = installed().seal(value, self._context(row)) if value else None
        digest = self.digest(type(row), value) if value and self._normalise else None
        setattr(row, self._sealed_column, sealed)
        if self._normalise:
            setattr(row, self.index_column, digest)

    def digest(self, model: type[Any], value: str) -> bytes:
        """The blind index of a value in this column of this model. VaultError where the column has none; errors of its normaliser."""
        if self._normalise is None:
            raise VaultError(f"{model.__name__}.{self.name} has no blind index and cannot be searched")
        return installed().index(self._normalise(value), f"{model.__tablename__}.{self.name}")

    def _context(self, row: Any) -> str:
        if not row.code:
            raise VaultError(f"{type(row).__name__}: give the row its code before {self.name}; the seal is bound to it")
        return f"{row.__tablename__}.{self.name}:{row.code}"
