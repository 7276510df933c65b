"""The policy model. Its field defaults *are* the shipped default policy; `policies/default.yaml` says the same.

Parsed by `firewall.policy.load` (which knows files, lines and columns), compiled by `core.compiled` once a revision.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from firewall.core.model import Attestation, Family, Kind, Surface

ActionName = Literal["use_now", "inspect_before_use", "rehydrate", "do_not_use"]
TrustName = Literal["untrusted", "unknown", "known", "trusted"]
ModeName = Literal["standard", "strict", "firewall"]
Disclosure = Literal["admit", "withhold"]
WriteWord = Literal["store", "store_marked", "hold", "refuse"]
Days = Annotated[float, Field(gt=0, le=36500)]


class Section(BaseModel):
    """A part of a policy: unknown keys are errors, and nothing changes it once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# The defaults of the tables, as functions: what each returns belongs to one policy and is typed by the field.


def _source_classes() -> dict[str, TrustName]:
    return {"external_tool": "unknown"}


def _attestation() -> dict[Attestation, TrustName]:
    return {
        Attestation.verified: "trusted",
        Attestation.derived: "known",
        Attestation.unsigned: "known",
        Attestation.replayed: "unknown",
        Attestation.forged: "untrusted",
    }


def _kinds() -> dict[Kind, Days | None]:
    return {
        Kind.preference: None,
        Kind.event: None,
        Kind.rule: None,
        Kind.procedure: 365,
        Kind.execution_memory: 365,
        Kind.project_context: 730,
    }


def _inspect() -> dict[Family, Disclosure]:
    return {Family.unlabelled: "admit", Family.age: "admit", Family.contested: "admit"}


class TrustTable(Section):
    """How far each source is trusted at most. The lowest that applies to a candidate counts."""

    default: TrustName = Field("known", description="an upstream of the config that no other line names")
    upstreams: dict[str, TrustName] = Field(
        default_factory=dict, description="by upstream name or by dialect"
    )
    backends: dict[str, TrustName] = Field(
        default_factory=dict,
        description="by `source_backend` of POST /v1/memory/govern; caps the caller's claim",
    )
    writers: dict[str, TrustName] = Field(default_factory=dict, description="by the writer that a row names")
    source_classes: dict[str, TrustName] = Field(
        default_factory=_source_classes,
        description="by the class of source that a row names",
    )
    attestation: dict[Attestation, TrustName] = Field(
        default_factory=_attestation,
        description="the cap that a record's stamp, or its absence, sets in drop-in traffic",
    )


class Freshness(Section):
    """The maximum age in days by kind of memory; null means that age is no matter."""

    default: Days | None = Field(1825, description="for a kind that `kinds` does not name")
    kinds: dict[Kind, Days | None] = Field(default_factory=_kinds, description="by kind of memory")


class Detect(Section):
    """What the content signals do with what they find, by the first part of the reason code."""

    injection: ActionName = Field("do_not_use", description="an instruction aimed at the agent")
    exfiltration: ActionName = Field("do_not_use", description="a text that would have data sent out")
    secret: ActionName = Field("do_not_use", description="a credential in a text")
    obfuscation: ActionName = Field(
        "inspect_before_use", description="invisible, bidirectional, look-alike or encoded text"
    )
    markup: ActionName = Field("inspect_before_use", description="forged prompt or chat structure in a text")
    procedure_change: ActionName = Field(
        "inspect_before_use", description="an outside source changes a procedure, payee, tool or approval"
    )
    pii: Literal["count", "inspect_before_use", "do_not_use"] = Field(
        "count", description="personal data is the ordinary content of a memory: counted, not withheld"
    )


class DropIn(Section):
    """What an unchanged client of Mem0, Zep or Pinecone gets."""

    inspect: dict[Family, Disclosure] = Field(
        default_factory=_inspect,
        description="`inspect_before_use` by family in mode standard; a family not named is withheld; "
        "modes strict and firewall withhold all",
    )
    duplicates: Literal["pointer", "keep"] = Field(
        "pointer", description="an exact duplicate in one ranked answer"
    )
    annotate: Literal["body", "metadata", "none"] = Field(
        "body",
        description="where the `firewall` object goes: the answer's body, flat keys in each row's metadata, nowhere",
    )
    on_degraded: Literal["empty", "error"] = Field(
        "empty", description="adjudication failed or was late: 200 with nothing admitted, or 503"
    )


class Govern(Section):
    """`POST /v1/memory/govern`."""

    authority_scopes: tuple[Literal["user", "project", "team", "org", "global"], ...] = Field(
        ("project", "team", "org", "global"), description="claimed scopes that may act; others are inspected"
    )
    duplicates: Literal["pointer", "keep"] = Field("keep", description="an exact duplicate in one request")


class Write(Section):
    """What becomes of a write in which something is found, by family of the finding: `store` it, `store_marked` (its stamp says
    so), `hold` it in memfw until a reviewer decides, `refuse` it. What is found is recorded either way."""

    do_not_use: dict[Family, WriteWord] = Field(
        default_factory=dict,
        description="injected instructions, exfiltration, secrets, rules: a family not named is stored in mode standard, "
        "but `error`, which is refused; modes strict and firewall refuse it, unless it is to be held",
    )
    inspect: dict[Family, WriteWord] = Field(
        default_factory=dict,
        description="what is to be looked at (procedure_change, disguised text): a family not named is stored",
    )


class Surfaces(Section):
    """What a verdict means at each door."""

    drop_in: DropIn = Field(default_factory=DropIn)
    govern: Govern = Field(default_factory=Govern)
    write: Write = Field(default_factory=Write)


class Limits(Section):
    """The bounds of one request. Sizes of bodies and queues are the config's, not the policy's."""

    candidates: int = Field(10_000, ge=1, le=100_000, description="in one request; more is 413")
    text_chars: int = Field(200_000, ge=1, description="of one text of POST /v1/memory/govern; more is 400")
    prompt_chars: int = Field(
        8_000,
        ge=1,
        le=20_000,  # as far as the readers of a text read: what they have not read must not be admitted
        description="a longer memory is `rehydrate`",
    )
    deadline_ms: int = Field(200, ge=1, le=60_000, description="for the adjudication of one answer")
    overfetch_rounds: int = Field(
        3, ge=0, le=10, description="further upstream reads to fill a ranked answer"
    )
    max_staleness_s: float = Field(
        30.0, ge=0, description="how old a projection may be while the log is away"
    )


class Rule(Section):
    """One rule of the operator: when the condition holds, the candidate gets at least this action."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", description="stands in receipts and metrics")
    when: str = Field(min_length=1, max_length=2_000, description="the condition, see the language below")
    then: ActionName = Field(description="the candidate gets at least this action")
    reason: str = Field(
        "", max_length=120, description="the reason code is `policy:<id>`; this is its sentence"
    )
    owasp: str | None = Field(
        None, pattern=r"^(ASI|LLM)\d{2}$", description="the entry of an OWASP list that the rule answers"
    )
    surfaces: tuple[Surface, ...] = Field(
        (Surface.drop_in, Surface.govern, Surface.guide), description="where it applies"
    )
    shadow: bool = Field(default=False, description="counted and recorded, changes no verdict")


class Policy(Section):
    """One policy, whole. Every field has a default, so that an empty file is the default policy."""

    name: str = Field(
        "default", pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", description="stands in receipts with the revision"
    )
    mode: ModeName = Field(
        "standard", description="the admission ladder; a request may ask for a stricter one, never a milder"
    )
    shadow: bool = Field(default=False, description="decide and record, but change no answer")
    trust: TrustTable = Field(default_factory=TrustTable)
    freshness: Freshness = Field(default_factory=Freshness)
    detect: Detect = Field(default_factory=Detect)
    surfaces: Surfaces = Field(default_factory=Surfaces)
    limits: Limits = Field(default_factory=Limits)
    rules: tuple[Rule, ...] = Field((), max_length=500, description="the operator's own conditions")
