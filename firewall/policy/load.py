"""Policy files to a `CompiledPolicy`, or a ConfigError with every problem in every file.

A source is the name of a shipped policy, a file, or a directory. A directory is one policy: each top-level key stands
in one of its files, `rules` may stand in all of them and are joined in the order of the file names. Suites
(`*_test.yaml`) and hidden files are passed over.

Reading and compiling are two steps (`read_sources`, `compile_sources`), so that a reload compiles exactly the bytes
whose digest it compared.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from firewall.core.compiled import CompiledPolicy, CompiledRule, compile_policy
from firewall.core.expression import ExpressionError, compile_expression
from firewall.core.expression_syntax import MAX_LENGTH
from firewall.core.model import Action
from firewall.core.policy import Policy, Rule
from firewall.errors import ConfigError, Problem
from firewall.model_tree import Path as Keys
from firewall.model_tree import dotted
from firewall.yaml_source import Data, Document, Place, checked, decode, read, read_bytes

SHIPPED = ("default", "strict", "firewall", "shadow")
SUITE_SUFFIX = "_test.yaml"
MAX_FILES = 100


@dataclass(frozen=True, slots=True)
class Source:
    """One policy file, as it was read."""

    file: str
    content: bytes


def load_policy(source: str | Path) -> CompiledPolicy:
    """The policy of that name, file or directory, ready to adjudicate with."""
    return compile_sources(read_sources(source))


def locate_policy(source: str | Path) -> Path:
    """Where a policy stands: a bare shipped name is found in the wheel or the checkout, anything else is a path."""
    if str(source) not in SHIPPED:
        return Path(source)
    here = Path(__file__).resolve().parent
    wheel, checkout = here / "shipped", here.parent.parent / "policies"
    folder = wheel if wheel.is_dir() else checkout
    return folder / f"{source}.yaml"


def read_sources(source: str | Path) -> tuple[Source, ...]:
    """Every file of a policy, read once. ConfigError where one cannot be read."""
    place = locate_policy(source)
    if not place.exists():
        names = ", ".join(SHIPPED)
        raise ConfigError([Problem(str(place), 0, 0, "", f"is no file, no directory and none of {names}")])
    files = _files_in(place) if place.is_dir() else [place]
    problems: list[Problem] = []
    sources: list[Source] = []
    for file in files:
        try:
            sources.append(Source(str(file), read_bytes(file)))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return tuple(sources)


def digest_of(sources: Sequence[Source]) -> str:
    """What tells one state of the files from another: names and bytes."""
    digest = hashlib.sha256()
    for source in sources:
        for part in (source.file.encode(), source.content):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def compile_sources(sources: Sequence[Source]) -> CompiledPolicy:
    """One policy out of its files. ConfigError lists what is wrong in all of them."""
    problems: list[Problem] = []
    documents: list[Document] = []
    for source in sources:
        try:
            document = read(decode(source.content, source.file), source.file)
        except ConfigError as error:
            problems += error.problems
            continue
        problems += document.problems
        documents.append(document)
    merged = _Merged(documents)
    problems += merged.problems
    policy, wrong = checked(Policy, merged.data, merged.locate)
    problems += wrong
    rules = list(_rules(policy, merged, problems))
    if policy is None or problems:
        raise ConfigError(problems)
    return compile_policy(policy, revision_of(policy), tuple(rules))


def revision_of(policy: Policy) -> str:
    """The policy's content as 12 hex digits; comments, order of keys and left-out defaults make no difference."""
    canonical = json.dumps(policy.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def compile_rule(rule: Rule) -> CompiledRule:
    """One rule with its condition compiled, or ExpressionError."""
    return CompiledRule(
        id=rule.id,
        when=compile_expression(rule.when).when,
        action=Action[rule.then],
        owasp=rule.owasp,
        surfaces=frozenset(rule.surfaces),
        shadow=rule.shadow,
    )


def _files_in(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise ConfigError([Problem(str(folder), 0, 0, "", error.strerror or "cannot be read")]) from error
    files = [
        entry
        for entry in entries
        if entry.suffix == ".yaml"
        and not entry.name.startswith(".")
        and not entry.name.endswith(SUITE_SUFFIX)
    ]
    if not files:
        raise ConfigError([Problem(str(folder), 0, 0, "", "holds no policy: no *.yaml besides suites")])
    if len(files) > MAX_FILES:
        raise ConfigError([Problem(str(folder), 0, 0, "", f"holds more than {MAX_FILES} files")])
    return files


class _Merged:
    """Several documents as one policy, with the way back from a path to the file that it came from."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.data: dict[str, Data] = {}
        self.problems: list[Problem] = []
        self._homes: dict[str, Document] = {}
        self._rules: list[tuple[Document, int]] = []
        self._first = documents[0] if documents else None
        for document in documents:
            self._add(document)

    def _add(self, document: Document) -> None:
        if not isinstance(document.data, dict):
            self.problems.append(Problem(*document.locate(()), "", "has to be a mapping of keys to values"))
            return
        for key, value in document.data.items():
            if key == "rules" and isinstance(value, list):
                self._rules += [(document, index) for index in range(len(value))]
                joined = self.data.setdefault("rules", [])
                if isinstance(joined, list):
                    joined += value
            elif key in self._homes:
                place = document.locate((key,), on_key=True)
                message = (
                    f"already stands in {self._homes[key].file}; a key belongs to one file of a directory"
                )
                self.problems.append(Problem(*place, key, message))
            else:
                self.data[key] = value
                self._homes[key] = document

    def origin(self, path: Keys) -> tuple[Document | None, Keys]:
        """The document of a path of the merged data, and the path within it."""
        match path:
            case ("rules", int(index), *rest) if index < len(self._rules):
                document, local = self._rules[index]
                return document, ("rules", local, *rest)
            case (str(key), *_) if key in self._homes:
                return self._homes[key], path
            case _:
                return self._first, path

    def locate(self, path: Keys, on_key: bool = False) -> Place:
        document, local = self.origin(path)
        return document.locate(local, on_key) if document else ("", 0, 0)

    def inside(self, path: Keys, offset: int) -> Place:
        document, local = self.origin(path)
        return document.inside(local, offset) if document else ("", 0, 0)


def _rules(policy: Policy | None, merged: _Merged, problems: list[Problem]) -> Iterator[CompiledRule]:
    """The compiled rules. Conditions and ids are looked at even where the policy has other mistakes."""
    written = merged.data.get("rules")
    first_seen: dict[str, int] = {}
    for index, rule in enumerate(written if isinstance(written, list) else []):
        path: Keys = ("rules", index)
        if not isinstance(rule, dict):
            continue
        identity, when = rule.get("id"), rule.get("when")
        if isinstance(identity, str) and first_seen.setdefault(identity, index) != index:
            first_file, first_line, _ = merged.locate(("rules", first_seen[identity], "id"))
            place = merged.locate((*path, "id"))
            message = f"this id already stands at {first_file}:{first_line}"
            problems.append(Problem(*place, dotted((*path, "id")), message))
        if not isinstance(when, str) or not 0 < len(when) <= MAX_LENGTH:
            continue  # the model has said so
        try:
            if policy is None:
                compile_expression(when)
            else:
                yield compile_rule(policy.rules[index])
        except ExpressionError as error:
            place = merged.inside((*path, "when"), error.offset)
            problems.append(Problem(*place, dotted((*path, "when")), error.message))
