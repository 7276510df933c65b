"""What is remembered of an operation: the body that it was used with, where its last record is, what was answered."""

import msgspec

from firewall.core.events import ScopeKey
from firewall.errors import CallerError
from firewall.log.redis_faults import damaged
from firewall.log.redis_layout import digest
from firewall.ports import Appended


class _Answer(msgspec.Struct, array_like=True, frozen=True):
    digest: str
    answer: bytes


class Operation(msgspec.Struct, frozen=True):
    digest: str
    offset: int
    answer: bytes

    def repeated(self, body_digest: str) -> Appended | CallerError:
        """What the same operation gets when it comes again."""
        if body_digest == self.digest:
            return Appended(self.offset, replayed=True, answer=self.answer)
        return CallerError(409, "operation_conflict", "the operation id was used before, with another body")


def operation_name(key: ScopeKey, operation: str) -> bytes:
    """What it is called in keys: ids of different scopes never meet."""
    return digest(key.tenant, key.scope, operation)


def answer_blob(body_digest: str, answer: bytes) -> bytes:
    """What the store keeps behind the offset that it gives."""
    return _encoder.encode(_Answer(body_digest, answer))


def stored_offset(value: bytes) -> int:
    """Where it is, from `<offset>:<blob>`."""
    offset, _, _ = value.partition(b":")
    if not offset.isdigit():
        raise damaged()
    return int(offset)


def stored_operation(value: bytes) -> Operation:
    """The operation from `<offset>:<blob>`. StateError `log_format` for anything else."""
    offset = stored_offset(value)
    try:
        kept = _answers.decode(value.partition(b":")[2])
        return Operation(kept.digest, offset, kept.answer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise damaged() from error


_encoder = msgspec.msgpack.Encoder()
_answers = msgspec.msgpack.Decoder(_Answer)
