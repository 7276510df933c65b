"""What of a folder is looked at: nothing hidden, nothing outside, nothing that would block."""

import os
from pathlib import Path

import pytest

from adapters.markdown.folder import MAX_BYTES, Folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    (path / "team").mkdir(parents=True)
    (path / "a.md").write_text("A")
    (path / "team" / "b.markdown").write_text("B")
    (tmp_path / "secret.md").write_text("outside")
    return path


def names(folder: Path) -> set[str]:
    return set(Folder(folder).look().files)


def test_notes_are_found_below(folder: Path) -> None:
    """By their path; other files, hidden ones and hidden folders are not."""
    (folder / "picture.png").write_bytes(b"x")
    (folder / ".hidden.md").write_text("x")
    (folder / ".git").mkdir()
    (folder / ".git" / "c.md").write_text("x")
    assert names(folder) == {"a.md", "team/b.markdown"}


def test_links_that_leave_the_folder(folder: Path, tmp_path: Path) -> None:
    """Neither listed nor read, also where only the content is asked for."""
    (folder / "out.md").symlink_to(tmp_path / "secret.md")
    (folder / "up").symlink_to(tmp_path)
    (folder / "dead.md").symlink_to(folder / "none.md")
    assert names(folder) == {"a.md", "team/b.markdown"}
    for name in ("out.md", "up/secret.md", "../secret.md", "dead.md", str(tmp_path / "secret.md")):
        assert Folder(folder).content(name) is None, name


def test_a_neighbour_with_the_same_beginning(folder: Path, tmp_path: Path) -> None:
    """`notes-old` is not below `notes`."""
    (tmp_path / "notes-old").mkdir()
    (tmp_path / "notes-old" / "x.md").write_text("outside")
    (folder / "x.md").symlink_to(tmp_path / "notes-old" / "x.md")
    assert "x.md" not in names(folder)
    assert Folder(folder).content("x.md") is None


def test_links_within_the_folder(folder: Path) -> None:
    """Are followed, as a mounted config map is made of them; a circle ends."""
    (folder / "..data").mkdir()
    (folder / "..data" / "c.md").write_text("C")
    (folder / "c.md").symlink_to(folder / "..data" / "c.md")
    (folder / "team" / "again").symlink_to(folder)
    assert "c.md" in names(folder)
    assert Folder(folder).content("c.md") == (b"C", False)
    assert len(names(folder)) < 10


def test_a_folder_that_is_a_link(folder: Path, tmp_path: Path) -> None:
    """The folder of the config may be one."""
    (tmp_path / "link").symlink_to(folder)
    assert names(tmp_path / "link") == {"a.md", "team/b.markdown"}


def test_what_is_no_file_blocks_nobody(folder: Path) -> None:
    """A pipe that is called like a note is none."""
    os.mkfifo(folder / "pipe.md")
    assert "pipe.md" not in names(folder)
    assert Folder(folder).content("pipe.md") is None


def test_a_file_that_is_too_long_is_cut(folder: Path) -> None:
    """Its beginning is there."""
    (folder / "long.md").write_bytes(b"x" * (MAX_BYTES + 5))
    read = Folder(folder).content("long.md")
    assert read is not None
    assert (len(read[0]), read[1]) == (MAX_BYTES, True)


def test_names_that_cannot_be_ids(folder: Path) -> None:
    """Are counted."""
    (folder / "a#b.md").write_text("x")
    (folder / "line\nbreak.md").write_text("x")
    os.close(os.open(os.fsencode(folder) + b"/bad\xff.md", os.O_CREAT))
    look = Folder(folder).look()
    assert (set(look.files), look.skipped) == ({"a.md", "team/b.markdown"}, 3)


def test_no_folder(tmp_path: Path) -> None:
    """An error, never an empty answer."""
    with pytest.raises(OSError, match="No such file"):
        Folder(tmp_path / "none").look()
