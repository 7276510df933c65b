"""The vault: what is kept is unreadable at rest, bound to its place, cut to its size, and never shown changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.events import ScopeKey
from firewall.errors import StateError
from firewall.keyring import KeyRing, RingKey
from firewall.service.review.vault import HeldText, Vault, encoded
from tests.service.review.bureau import KEY, RING, Texts

TEXT = HeldText(text="the code is 8841", title="Codes", attached=("ops",))


async def test_kept_and_revealed() -> None:
    """It comes back as it was, and is not what lies in the store."""
    texts = Texts()
    vault = Vault(texts, RING)
    await vault.keep(KEY, "q_1", encoded(TEXT, 4096))
    assert b"8841" not in b"".join(texts.kept.values())
    assert await vault.text(KEY, "q_1") == TEXT
    assert await vault.text(KEY, "q_2") is None
    assert await vault.erase(KEY, "q_1")
    assert not await vault.erase(KEY, "q_1")


@pytest.mark.parametrize("key", [ScopeKey("acme", "billing"), ScopeKey("globex", "checkout")])
async def test_it_belongs_to_one_place(key: ScopeKey) -> None:
    """Moved to another id, scope or tenant it cannot be read."""
    texts = Texts()
    vault = Vault(texts, RING)
    await vault.keep(KEY, "q_1", encoded(TEXT, 4096))
    concealed = texts.kept[KEY, "q_1"]
    texts.kept[key, "q_1"] = texts.kept[KEY, "q_2"] = concealed
    for place, id_ in ((key, "q_1"), (KEY, "q_2")):
        with pytest.raises(StateError, match="cannot be read"):
            await vault.text(place, id_)


async def test_another_ring_reads_nothing() -> None:
    """Without the key that concealed it there is no text, and the error says none."""
    texts = Texts()
    await Vault(texts, RING).keep(KEY, "q_1", encoded(TEXT, 4096))
    stranger = Vault(texts, KeyRing([RingKey(id="k2", made_at=1.0, secret="22" * 32)]))
    with pytest.raises(StateError) as caught:
        await stranger.text(KEY, "q_1")
    assert "8841" not in str(caught.value)


async def test_what_is_no_text() -> None:
    """A held request asked for as a text is an error, not half a text."""
    texts = Texts()
    vault = Vault(texts, RING)
    await vault.keep(KEY, "w_1", b"[1]")
    with pytest.raises(StateError, match="not what was kept"):
        await vault.text(KEY, "w_1")


@given(st.text(), st.text(), st.lists(st.text(), max_size=3), st.integers(1, 200))
async def test_it_is_cut_to_its_size(text: str, title: str, attached: list[str], most: int) -> None:
    """What is kept of any text fits, is the beginning of it, and says whether it is all."""
    held = HeldText(text=text, title=title, attached=tuple(attached))
    vault = Vault(Texts(), RING)
    await vault.keep(KEY, "q", encoded(held, most))
    kept = await vault.text(KEY, "q")
    assert kept is not None
    parts = (kept.text, kept.title, *kept.attached)
    assert sum(len(part.encode()) for part in parts) <= most
    assert text.startswith(kept.text)
    if not kept.cut:
        assert (kept.text, kept.title) == (text, title)
