"""How files and words are compared: one spelling for a path, the words of a text, the words that a file's name says."""

import re
from collections.abc import Iterable

_GENERIC_WORDS = (
    "adapter api app application apps base bin build client cmd code common components config configuration constants controller core data "
    "db default dist doc docs error errors example file files handler handlers helper helpers hooks http index init interface internal js "
    "json lib libs log logger login main manager md misc mod model models module modules new node old package packages page pages path pkg "
    "plugin project py python readme request response route router routes run schema schemas script scripts server service services settings "
    "setup shared source spec src start store style styles sql task test tests tool tools ts tsx type types ui user users util utils utility "
    "utilities v1 v2 version view views web worker yaml yml"
)
#: Words that name half the files of any project: never enough by themselves to recognise one.
GENERIC = frozenset(_GENERIC_WORDS.split())
_FILLER_WORDS = (
    "about after again also always another because been before being between both cannot could does done down during each every from have "
    "here into just like made make many more most much must need needs never next only other over same should since some still such than "
    "that their them then there these they this those through under until used uses using very want were what when where which while will "
    "with within without would your"
)
_FILLER = frozenset(_FILLER_WORDS.split())
#: ASCII punctuation becomes a space; letters of every other script stay.
_SPACED = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")
_MOST_TAILS = 16
_NO_NAME = frozenset({"", ".", "/"})
_LINE_SUFFIX = re.compile(r"(?::\d+){1,2}$")


def normal_path(path: str) -> str:
    """One spelling for one file: forward slashes, no `.` or `..` segments, no line number, no case."""
    path = path.strip().replace("\\", "/").casefold()
    if ":" in path:
        path = _LINE_SUFFIX.sub("", path)
    if "/." not in path and "//" not in path and path[:1] not in _NO_NAME and path[-1:] != "/":
        return path  # as most are spelled
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == ".." and kept:
            kept.pop()
        elif segment not in {"", ".", ".."}:
            kept.append(segment)
    return "/".join(kept)


def path_tails(path: str) -> list[str]:
    """The path and what follows each of its first directories: an absolute path ends in the project's own."""
    normal = normal_path(path)
    tails = [normal]
    place = normal.find("/")
    while place >= 0 and len(tails) < _MOST_TAILS:
        tails.append(normal[place + 1 :])
        place = normal.find("/", place + 1)
    return tails


def words_of(text: str) -> list[str]:
    """The words of a text in order, folded; punctuation separates."""
    return text.casefold().translate(_SPACED).split()


def distinctive(words: Iterable[str]) -> frozenset[str]:
    """The words that say what a text is about."""
    return frozenset(word for word in words if len(word) > 3 and word not in _FILLER)


def telling_words(words: list[str]) -> list[str]:
    """The words that say what a text is about, in their order; all of them where none does."""
    return [word for word in words if len(word) > 3 and word not in _FILLER] or words


def phrase_of(path: str) -> tuple[str, ...]:
    """The words of a file's name, "legacy adapter" for `legacyAdapter.ts`; none where the name is one word or says nothing."""
    stem = path.replace("\\", "/").rstrip("/").rpartition("/")[2].partition(".")[0]
    words = tuple(part.casefold() for part in _CAMEL.findall(stem))
    telling = [word for word in words if len(word) > 2 and word not in _FILLER]
    return words if len(telling) > 1 and not GENERIC.issuperset(telling) else ()
