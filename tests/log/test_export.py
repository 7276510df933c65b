"""The audit trail as a file: it comes back as it was, and no edit of its bytes that means something is missed."""

import io
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.chain import Sealed, Stored, seal_body
from firewall.core.verify import Entry, Unreadable
from firewall.log.export import FORMAT, Header, Writer, read_entries, read_header
from tests.core.sealed_store import SealedStore, report_of


def _store() -> SealedStore:
    store = SealedStore()
    for count in (1, 2):
        store.commit("w/log", count)
        store.commit("v/log", count, tenant="rival")
    store.commit("w/receipts", 1, kind="receipt")
    store.commit("w/log", 0, heads=store.heads())
    return store


def _exported(entries: list[Entry]) -> bytes:
    out = io.BytesIO()
    writer = Writer(out, Header(FORMAT, 1.0, {"k1": "ab"}))
    writer.write(entries)
    writer.end()
    return out.getvalue()


def _entries(content: bytes) -> list[Entry]:
    file = io.BytesIO(content)
    read_header(file)
    return list(read_entries(file))


_whole = _store()
_given: list[Entry] = [*_whole.all_seals, *_whole.things]
_file = _exported(_given)
_lines = _file.splitlines(keepends=True)
_anchor = _whole.heads()


def _sound(content: bytes) -> bool:
    try:
        return report_of(_entries(content), _anchor).sound
    except ValueError:
        return False  # the command says that it cannot be read


def test_what_was_written_is_read() -> None:
    """Every byte of it, also bytes that are no text; and it is sound."""
    odd: list[Entry] = [
        Stored(kind="receipt", tenant="ü", scope="\x00", id="\u2028", offset=-1, body=bytes(range(256))),
        Stored(kind="evidence", tenant="", scope="", id="", offset=2**63, body=None),
        Sealed(b"\xff", b""),
        Unreadable("row 3"),
    ]
    assert _entries(_exported([*_given, *odd])) == [*_given, *odd]
    assert _sound(_file)


def test_it_is_readable_without_memfw() -> None:
    """One object a line, and a view of what each seal says."""
    lines = [json.loads(line) for line in _lines]
    assert [line["line"] for line in lines] == ["header", *["seal"] * 6, *["stored"] * 7, "end"]
    assert lines[3]["view"]["items"] == ["evidence id3", "evidence id4"]
    assert (lines[3]["view"]["lane"], lines[3]["view"]["seq"]) == ("w/log", 2)
    assert lines[6]["view"]["checkpoint"] is True
    assert lines[-1] == {"line": "end", "seals": 6, "stored": 7}


def test_names_that_are_no_unicode_are_written_so_that_they_are_found() -> None:
    """They are not what was sealed either."""
    things = [msgspec.structs.replace(_whole.things[0], tenant="acme\udcff"), *_whole.things[1:]]
    assert [f.code for f in report_of(_entries(_exported([*_whole.all_seals, *things]))).faults] == ["moved"]


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"{}", b"SQLite format 3\x00", b"[" * 100_000, _lines[1], _lines[0][:40]]
)
def test_what_is_no_export(content: bytes) -> None:
    """Is said to be none, before anything of it is believed."""
    with pytest.raises(ValueError, match="is no export"):
        read_header(io.BytesIO(content))


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"nonsense\n",
        b"\xff\xfe\n",
        b'{"line":"seal","body":"!","signature":""}\n',
        _lines[0],
        b"[" * 99_999 + b"\n",
    ],
)
def test_a_line_that_is_none(line: bytes) -> None:
    """Is a fault that names its number, and the rest is read."""
    entries = _entries(b"".join([*_lines[:3], line, *_lines[3:]]))
    assert entries[2] == Unreadable("line 4 is none that an export has there")
    assert [entry for entry in entries if not isinstance(entry, Unreadable)] == _given


def test_a_file_that_ends_early() -> None:
    """In the middle of a line or at the end of one."""
    for cut in (len(_lines[-1]), len(_lines[-1]) + 30):
        assert not _sound(_file[:-cut])
    assert _entries(_file[: -len(_lines[-1])])[-1] == Unreadable("it ends early: its last line is missing")
    assert not _sound(_file + _lines[-1])


_places = st.integers(1, len(_lines) - 1)


@given(_places)
def test_a_line_removed(place: int) -> None:
    """Any but the header, without which it cannot be read."""
    assert not _sound(b"".join([*_lines[:place], *_lines[place + 1 :]]))


@given(_places, _places)
def test_a_line_doubled(place: int, where: int) -> None:
    """Any, anywhere."""
    assert not _sound(b"".join([*_lines[:where], _lines[place], *_lines[where:]]))


@given(_places, _places)
def test_two_lines_swapped(one: int, other: int) -> None:
    """Found wherever it changes the order of a lane; what is stored has its place written in it."""
    lines = [*_lines]
    lines[one], lines[other] = lines[other], lines[one]
    entries = _entries(b"".join(lines))
    assert _sound(b"".join(lines)) == (_meaning(entries) == _meaning(_given))


@given(st.integers(0, len(_file) - 1), st.integers(1, 255))
def test_one_byte_changed(place: int, by: int) -> None:
    """Found, unless what is read stays the same: of the header, of the view for people, of a signature that nothing rests
    on, or another way to write the same."""
    changed = bytearray(_file)
    changed[place] ^= by
    try:
        entries = _entries(bytes(changed))
    except ValueError:
        return
    if _meaning(entries) != _meaning(_given):
        assert not _sound(bytes(changed))
    elif entries == _given:
        assert _sound(bytes(changed))


def _meaning(entries: list[Entry]) -> object:
    """The seals of each lane in their order and, in any order, the rest."""
    lanes: dict[str, list[bytes]] = {}
    for entry in entries:
        if isinstance(entry, Sealed):
            lanes.setdefault(_lane(entry), []).append(entry.body)
    rest = sorted(repr(entry) for entry in entries if not isinstance(entry, Sealed))
    return sorted(lanes.items()), rest


def _lane(sealed: Sealed) -> str:
    try:
        return seal_body(sealed).lane
    except ValueError:
        return ""
