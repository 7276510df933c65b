"""A folder of markdown notes as an upstream of its own: for those who have no memory server.

    front_matter   the YAML head of a file, bounded; no tags, no aliases, no dates that turn into something else
    notes          the text of a file -> its notes: the file, and each `##` section of it
    folder         which files there are, read without leaving the folder
    shelf          the notes in memory, kept up to date file by file, and found by their words
    upstream       the `Upstream`: search and look-up on a thread of its own
    routes         the route table and what each route may be asked for
    dialect        the port: pure, as in front of any other server

Nothing is ever written to the folder. What cannot be read properly is still a note, one that says so and has to be
inspected before use.
"""

from adapters.markdown.dialect import MarkdownDialect
from adapters.markdown.upstream import MarkdownNotes

__all__ = ["MarkdownDialect", "MarkdownNotes"]
