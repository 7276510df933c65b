"""A policy compiled for the hot path: names become enum values, rules become functions, once a revision."""

from collections.abc import Callable, Mapping

import msgspec

from firewall.core.facts import Facts
from firewall.core.model import Action, Attestation, Context, Family, Finding, Kind, Mode, Surface, Trust
from firewall.core.policy import Policy
from firewall.core.state import State
from firewall.core.writing import WriteAction

SECONDS_A_DAY = 86_400.0

WriteTables = tuple[Mapping[Family, WriteAction], Mapping[Family, WriteAction]]
"""For `do_not_use` and for `inspect_before_use`, by family."""


class CompiledRule(msgspec.Struct, frozen=True):
    """`when` is total: a condition that fails raises nothing but TypeError or the like, which fails the candidate."""

    id: str
    when: Callable[[Facts], bool]
    action: Action
    owasp: str | None
    surfaces: frozenset[Surface]
    shadow: bool


class CompiledPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """`source` is the policy as read; everything else is a table made from it."""

    source: Policy
    revision: str
    mode: Mode
    shadow: bool
    rules: tuple[CompiledRule, ...]
    trust_default: Trust
    trust_upstreams: Mapping[str, Trust]
    trust_backends: Mapping[str, Trust]
    trust_writers: Mapping[str, Trust]
    trust_source_classes: Mapping[str, Trust]
    trust_attestation: Mapping[Attestation, Trust]
    max_age: Mapping[Kind, float | None]
    detect: Mapping[str, Action | None]
    admits: frozenset[Family]
    writes: WriteTables
    govern_scopes: frozenset[str]
    prompt_chars: int

    @property
    def label(self) -> str:
        """What receipts and the `Memfw-Policy` header say: name@revision."""
        return f"{self.source.name}@{self.revision}"


class Env(msgspec.Struct, frozen=True, gc=False):
    """All that a signal may know besides the candidate."""

    context: Context
    policy: CompiledPolicy
    state: State
    now: float


NOTHING: tuple[Finding, ...] = ()
"""What a signal returns for a clean candidate."""


def _trust_table(names: Mapping[str, str]) -> dict[str, Trust]:
    return {key: Trust[name] for key, name in names.items()}


def _write_table(words: Mapping[Family, str]) -> dict[Family, WriteAction]:
    return {Family(family): WriteAction[word] for family, word in words.items()}


def compile_policy(policy: Policy, revision: str, rules: tuple[CompiledRule, ...] = ()) -> CompiledPolicy:
    """`rules` are the policy's rules with their conditions compiled (see `core.expression`)."""
    trust = policy.trust
    freshness = policy.freshness
    max_age: dict[Kind, float | None] = {}
    for kind in Kind:
        days = freshness.kinds.get(kind, freshness.default)
        max_age[kind] = None if days is None else days * SECONDS_A_DAY
    detect: dict[str, Action | None] = {
        name: None if value == "count" else Action[value]
        for name, value in policy.detect.model_dump().items()
    }
    return CompiledPolicy(
        source=policy,
        revision=revision,
        mode=Mode[policy.mode],
        shadow=policy.shadow,
        rules=rules,
        trust_default=Trust[trust.default],
        trust_upstreams=_trust_table(trust.upstreams),
        trust_backends=_trust_table(trust.backends),
        trust_writers=_trust_table(trust.writers),
        trust_source_classes=_trust_table(trust.source_classes),
        trust_attestation={Attestation(key): Trust[name] for key, name in trust.attestation.items()},
        max_age=max_age,
        detect=detect,
        admits=frozenset(
            Family(family) for family, what in policy.surfaces.drop_in.inspect.items() if what == "admit"
        ),
        writes=(_write_table(policy.surfaces.write.do_not_use), _write_table(policy.surfaces.write.inspect)),
        govern_scopes=frozenset(policy.surfaces.govern.authority_scopes),
        prompt_chars=policy.limits.prompt_chars,
    )
