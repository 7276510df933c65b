"""The answer of `POST /v1/measure`, and the digest by which its effect report is known again."""

import msgspec
from msgspec import UNSET, UnsetType

from firewall.core.measure.assessment import Provenance
from firewall.core.measure.effect import EffectReport
from firewall.core.measure.kernels import KernelReport
from firewall.core.measure.measurement import Measurement
from firewall.core.measure.observation import Observation
from firewall.service.contract import SourceMap
from firewall.service.desk import digest_of


class ClaimsIgnored(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller said of its own evidence."""

    sufficient_evidence: bool | None
    evidence_id_count: int


class EvidenceAssessment(msgspec.Struct, frozen=True, kw_only=True):
    status: str
    sufficient_evidence: bool
    eligible_for_skill_export: bool
    provenance: Provenance
    runtime_evidence_ids: tuple[str, ...]
    reasons: tuple[str, ...]
    client_claims_ignored: ClaimsIgnored


class MeasurementInput(msgspec.Struct, frozen=True, kw_only=True):
    """`source` is where the observations come from; both are null where there was nothing to observe."""

    source: str
    baseline: Observation | None
    aionis: Observation | None


class MeasureAnswer(msgspec.Struct, frozen=True, kw_only=True):
    contract_version: str = "aionis_measure_result_v1"
    tenant_id: str
    scope: str
    measurement_id: str
    measurement_digest: str
    measurement_persisted: bool = True
    evidence_assessment: EvidenceAssessment
    measurement_input: MeasurementInput
    effect_report: EffectReport
    kernel_report: KernelReport | UnsetType = UNSET
    source_map: SourceMap


_SOURCES: dict[Provenance, str] = {
    "runtime_verified": "recorded_exposure_and_feedback",
    "manual_unverified": "manual_observations",
    "unverified_product_trace": "none",
}


def assessed(measurement: Measurement, claims: ClaimsIgnored) -> EvidenceAssessment:
    """The assessment in the words of the contract."""
    assessment = measurement.assessment
    return EvidenceAssessment(
        status="sufficient" if assessment.sufficient else "insufficient",
        sufficient_evidence=assessment.sufficient,
        eligible_for_skill_export=any(skill.export_ready for skill in measurement.skills),
        provenance=assessment.provenance,
        runtime_evidence_ids=assessment.evidence_ids,
        reasons=assessment.reasons,
        client_claims_ignored=claims,
    )


def measured_input(measurement: Measurement) -> MeasurementInput:
    """What was scored."""
    baseline, aionis = measurement.observations or (None, None)
    return MeasurementInput(
        source=_SOURCES[measurement.assessment.provenance], baseline=baseline, aionis=aionis
    )


def report_digest(report: object) -> str:
    """The digest of an effect report as JSON, the same whichever JSON library it went through: 1.0 and 1 are one
    number, and the order of keys says nothing."""
    return digest_of(_plain(report))


def digest_of_report(report: EffectReport) -> str:
    """`report_digest` of a report of ours."""
    return report_digest(msgspec.to_builtins(report))


def _plain(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
