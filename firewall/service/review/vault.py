"""The texts of held items: concealed before they leave this process, bound to their place, erasable apart from the chain."""

import msgspec

from firewall.core.events import ScopeKey
from firewall.core.model import Candidate
from firewall.errors import StateError
from firewall.keyring import KeyRing
from firewall.ports import HeldTexts

_encoder = msgspec.json.Encoder()


class HeldText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What of a memory would have reached the agent. `cut` says that not all of it was kept."""

    text: str
    title: str = ""
    attached: tuple[str, ...] = ()
    cut: bool = False

    @property
    def size(self) -> int:
        """About how much memory it takes."""
        return len(self.text) + len(self.title) + sum(map(len, self.attached))


_held_texts = msgspec.json.Decoder(HeldText)


class Vault:
    """Belongs to one log and one key ring."""

    def __init__(self, texts: HeldTexts, ring: KeyRing) -> None:
        self._texts = texts
        self._ring = ring

    async def keep(self, key: ScopeKey, id_: str, content: bytes) -> None:
        """Stored when it returns; the same id again replaces. StateError; CallerError 413 for one too large."""
        await self._texts.keep_text(key, id_, self._ring.conceal(content, _about(key, id_)))

    async def reveal(self, key: ScopeKey, id_: str) -> bytes | None:
        """What was kept, None where nothing is. StateError `text_unreadable` where its key is gone or it was changed."""
        concealed = await self._texts.kept_text(key, id_)
        if concealed is None:
            return None
        try:
            return self._ring.reveal(concealed, _about(key, id_))
        except ValueError:
            raise StateError(
                "text_unreadable", "the held text cannot be read with the keys of the ring"
            ) from None

    async def text(self, key: ScopeKey, id_: str) -> HeldText | None:
        """The text of a held memory. StateError as in `reveal`."""
        content = await self.reveal(key, id_)
        if content is None:
            return None
        try:
            return _held_texts.decode(content)
        except msgspec.MsgspecError:
            raise StateError("text_unreadable", "the held text is not what was kept") from None

    async def erase(self, key: ScopeKey, id_: str) -> bool:
        """Whether it was there; StateError where it may be there still."""
        return await self._texts.erase_text(key, id_)


def held_text(candidate: Candidate) -> HeldText:
    return HeldText(text=candidate.text, title=candidate.title, attached=candidate.attached)


def encoded(held: HeldText, most: int) -> bytes:
    """At most about `most` bytes of it: the text comes first, then the title, then what is attached."""
    left, parts = most, []
    for part in (held.text, held.title, *held.attached):
        raw = part.encode("utf-8", "replace")
        parts.append(raw[:left].decode("utf-8", "ignore") if left else "")
        left -= min(left, len(raw))
    kept = HeldText(
        text=parts[0],
        title=parts[1],
        attached=tuple([part for part in parts[2:] if part]),
        cut=held.cut or held.size > sum(map(len, parts)),
    )
    return _encoder.encode(kept)


def _about(key: ScopeKey, id_: str) -> bytes:
    return _encoder.encode([key.tenant, key.scope, id_])
