"""The cue table: which wordings may say that a route failed, is stale, is contested or was accepted. Data only.

A cue alone is no finding. `reading` asks where its object stands (`shape`), whether it is negated, supposed or quoted,
and whether the text says later that the trouble is over, which undoes a cue that is not `final`.
Every pattern is RE2 syntax, matched without regard to case.
"""

import enum
from typing import Literal

import msgspec

OutcomeKind = Literal["failed", "stale", "contested", "accepted"]


class Shape(enum.Enum):
    """Where the thing that failed stands, seen from the cue."""

    subject = "before the cue: the adapter was rejected"
    target = "after the cue: we rejected the adapter"
    banned = "after the cue, which is a prohibition: a rule of style looks the same"
    near = "on either side, within the sentence"
    alone = "in the cue itself: failed branch"


class Cue(msgspec.Struct, frozen=True):
    name: str
    kind: OutcomeKind
    shape: Shape
    pattern: str
    confidence: float
    final: bool = True

    @property
    def language(self) -> str:
        return self.name[:2]


_JUDGED = (
    "rejected|reverted|rolled back|abandoned|invalidated|discarded|ruled out|thrown out|scrapped|vetoed|turned down|"
    "backed out|refused|disproved|disproven"
)
_JUDGE = "(?:verifiers?|reviewers?|validators?|ci|qa|review|verification|maintainers?|code review|acceptance tests?)"
_OVER = (
    "deprecated|obsolete|outdated|out of date|stale|superseded|retired|discontinued|sunset|end[- ]of[- ]life|eol|defunct|"
    "unmaintained|decommissioned"
)
_TRIED = (
    "(?:route|branch|approach|attempt|path|adapter|patch|fix|migration|experiment|plan|strategy|direction)"
)
_ADVERB = r"(?:\w+ly\s+|later\s+|then\s+|also\s+|since\s+|now\s+|already\s+)?"

CUES: tuple[Cue, ...] = (
    # English: it failed.
    Cue("en.passive", "failed", Shape.subject, rf"\b(?:was|were|been|got)\s+{_ADVERB}(?:{_JUDGED})\b", 0.92),
    Cue(
        "en.judged",
        "failed",
        Shape.subject,
        rf"\b(?:is|are)\s+(?:{_JUDGED})\s+by\s+(?:the\s+)?{_JUDGE}\b",
        0.92,
    ),
    Cue(
        "en.participle",
        "failed",
        Shape.subject,
        r"\b(?:rejected|reverted|abandoned|invalidated|discarded|rolled back)(?:\s+(?:by|because|after|in review)\b|\s*[.;,!)\n]|\s*$)",
        0.90,
    ),
    Cue("en.active", "failed", Shape.target, rf"\b(?:{_JUDGED}|gave up on|threw out|undid)\s", 0.90),
    Cue(
        "en.refused",
        "failed",
        Shape.near,
        rf"\b{_JUDGE}\s+(?:said no|says no|reject(?:ed|s)|refused|declined|turned (?:it|this|that) down|"
        r"(?:did not|didn't|would not|wouldn't) (?:accept|approve|pass)|failed it|vetoed)\b",
        0.92,
    ),
    Cue(
        "en.check",
        "failed",
        Shape.subject,
        rf"\b(?:fail(?:ed|s)|(?:did not|didn't|does not|doesn't|never) pass(?:ed)?)\s+(?:the\s+|its\s+|our\s+)?(?:{_JUDGE}|validation|"
        r"acceptance|checks?)\b",
        0.92,
    ),
    Cue(
        "en.broke",
        "failed",
        Shape.subject,
        r"\b(?:failed|fails|broke|breaks|crashed|blew up|backfired|went nowhere|fell apart|corrupt(?:s|ed)|never worked|"
        r"(?:did not|didn't|does not|doesn't) (?:work|pan out|hold up)|(?:caused|causes) (?:an? )?(?:outage|regression|data loss|corruption))\b",
        0.88,
        final=False,
    ),
    Cue(
        "en.unaccepted",
        "failed",
        Shape.subject,
        r"\b(?:(?:did not|didn't|never) (?:become|became) the (?:accepted|active|current|chosen)|(?:was|were) (?:not|never) "
        r"(?:accepted|adopted|approved|chosen|merged)|(?:wasn't|weren't) (?:accepted|adopted|approved|chosen|merged)|not adopted)\b",
        0.90,
    ),
    Cue(
        "en.banned",
        "failed",
        Shape.banned,
        r"\b(?:do not|don't|dont|never|must not|should not|shouldn't|stop|avoid)\s+(?:re-?us(?:e|ing)|us(?:e|ing)|extend(?:ing)?|"
        r"continu(?:e|ing)(?:\s+(?:in|on|with|from))?|follow(?:ing)?|build(?:ing)? on|rely(?:ing)? on|reviv(?:e|ing)|"
        r"go(?:ing)? back to|retry(?:ing)?)\s",
        0.86,
    ),
    Cue("en.dead_end", "failed", Shape.near, r"\bdead[- ]end\b", 0.90),
    Cue(
        "en.label",
        "failed",
        Shape.alone,
        rf"(?m)^[^\w\n]{{0,4}}(?:failed|rejected|abandoned|reverted|invalidated|retired|discarded)\s+{_TRIED}\s*(?:[:\-–—.(]|$)",
        0.90,
    ),
    Cue(
        "en.branch",
        "failed",
        Shape.alone,
        rf"(?:[:=]|\bis an?|\bwas an?|\bas an?)\s*(?:failed|rejected|abandoned|dead)\s+{_TRIED}\b",
        0.90,
    ),
    Cue(
        "en.counter",
        "failed",
        Shape.alone,
        r"\bcounter-?evidence only\b|\bkeep (?:it |this )?out of (?:direct|next) action\b",
        0.92,
    ),
    # English: it was so once.
    Cue(
        "en.over",
        "stale",
        Shape.subject,
        rf"\b(?:is|are|was|were|been|became|becomes|marked(?: as)?|considered|declared)\s+{_ADVERB}(?:{_OVER})\b",
        0.88,
    ),
    Cue(
        "en.no_longer",
        "stale",
        Shape.subject,
        r"\bno longer\s+(?:be\s+)?(?:valid|used|usable|supported|in use|works?|working|current|maintained|applicable|applies|"
        r"recommended|accurate|correct|available|exists?|the (?:accepted|active|current))\b",
        0.88,
    ),
    Cue(
        "en.replaced",
        "stale",
        Shape.subject,
        r"\b(?:superseded|replaced|obsoleted|supplanted)\s+(?:by|with)\s",
        0.88,
    ),
    Cue("en.favour", "stale", Shape.subject, r"\bdeprecated\s+(?:in favou?r of|since|as of)\b", 0.88),
    Cue("en.bracket", "stale", Shape.subject, rf"[(\[](?:{_OVER})[)\]]", 0.86),
    Cue(
        "en.heading",
        "stale",
        Shape.alone,
        rf"(?m)^[^\w\n]{{0,4}}(?:stale|outdated|obsolete|deprecated|superseded)\s*(?:[:\])–—]|\s(?:{_TRIED}|note|memory|entry)\s*(?:[:\-–—.(]|$))",
        0.84,
    ),
    Cue(
        "en.self",
        "stale",
        Shape.alone,
        rf"\bthis (?:note|memory|entry|procedure|runbook|page|record) is\s+{_ADVERB}(?:{_OVER}|no longer (?:valid|current|accurate|correct))\b",
        0.88,
    ),
    # English: it is disputed.
    Cue(
        "en.disputed",
        "contested",
        Shape.subject,
        r"\b(?:is|are|was|were|remains?|still)\s+(?:contested|disputed|in dispute|under dispute|contradicted)\b",
        0.86,
    ),
    Cue(
        "en.conflicting",
        "contested",
        Shape.target,
        r"\bconflicting (?:evidence|reports|results|reviews) (?:about|on|for|over)\s",
        0.86,
    ),
    # English: it holds.
    Cue(
        "en.accepted",
        "accepted",
        Shape.alone,
        rf"\b(?:(?:accepted|approved|verified) (?:{_TRIED}|continuation|solution|implementation)|{_JUDGE} (?:accepted|approved|passed)|"
        r"tests? (?:now )?pass(?:ed|es|ing)?|remains? supported)\b",
        0.86,
    ),
    # Spanish
    Cue(
        "es.failed",
        "failed",
        Shape.near,
        r"\b(?:fue(?:ron)?|ha sido|han sido|qued[óo]) (?:rechazad|descartad|revertid|abandonad|anulad|invalidad)[oa]s?\b|"
        r"\brechazad[oa]s? por\b|\bno (?:se )?(?:usar|utilizar|uses|use|utilices|utilice|reutilizar)\b|\bno fue (?:aceptad|adoptad|aprobad)[oa]\b",
        0.90,
    ),
    Cue(
        "es.broke",
        "failed",
        Shape.near,
        r"\bfall[óo](?:$|[\s,.;:])|\bno funcion[óoa](?:$|[\s,.;:])|\bfracas[óo]",
        0.88,
        final=False,
    ),
    Cue(
        "es.stale",
        "stale",
        Shape.near,
        r"\b(?:est[áa]n?|es|son|qued[óo]) (?:obsolet|desactualizad|desaconsejad|deprecad|caducad)[oa]s?\b|"
        r"\bya no (?:es v[áa]lid[oa]|se (?:usa|utiliza)|funciona|sirve|vale)\b|\b(?:reemplazad|sustituid)[oa]s? por\b",
        0.88,
    ),
    # German
    Cue(
        "de.failed",
        "failed",
        Shape.near,
        r"\bwurden?\b[^.;!?\n]{0,80}\b(?:abgelehnt|verworfen|zurückgewiesen|zurückgerollt|rückgängig gemacht|aufgegeben)\b|"
        r"\b(?:abgelehnt|verworfen) (?:worden|von)\b|\bnicht (?:mehr )?(?:verwenden|benutzen|nutzen|weiterverfolgen)\b|\bnicht (?:übernommen|akzeptiert)\b",
        0.90,
    ),
    Cue(
        "de.broke",
        "failed",
        Shape.near,
        r"\b(?:gescheitert|fehlgeschlagen|schlug\b[^.;!?\n]{0,60}\bfehl|(?:hat )?nicht funktioniert|funktionierte? nicht)\b",
        0.88,
        final=False,
    ),
    Cue(
        "de.stale",
        "stale",
        Shape.near,
        r"\b(?:ist|sind|gilt|gelten)\b[^.;!?\n]{0,60}(?:\bveraltet|überholt|\bobsolet)\b|\b(?:abgelöst|ersetzt) durch\b|\bdurch\b[^.;!?\n]{0,60}\b(?:abgelöst|ersetzt)\b|"
        r"\bnicht mehr (?:gültig|aktuell|unterstützt|in gebrauch)",
        0.88,
    ),
    # French
    Cue(
        "fr.failed",
        "failed",
        Shape.near,
        r"\b(?:été|fut|furent) (?:rejet|refus|abandonn|annul|écart|invalid)ée?s?|\brejetée?s? par\b|\bne (?:pas|plus) (?:utiliser|réutiliser|suivre)\b|"
        r"\bn'utilise[zr]? (?:pas|plus)\b|\bn'a pas été (?:accept|adopt|retenu|approuv)",
        0.90,
    ),
    Cue(
        "fr.broke",
        "failed",
        Shape.near,
        r"\ba échoué|\bn'a pas (?:fonctionné|marché)|\bne (?:fonctionne|marche) pas\b",
        0.88,
        final=False,
    ),
    Cue(
        "fr.stale",
        "stale",
        Shape.near,
        r"\b(?:est|sont) (?:obsolète|périmée?|dépréciée?|dépassée?|caducs?|caduque)s?|\bremplacée?s? par\b|\bn'est plus (?:valide|utilisée?|supportée?|à jour|maintenue?)",
        0.88,
    ),
    # Portuguese
    Cue(
        "pt.failed",
        "failed",
        Shape.near,
        r"\b(?:foi|foram|sido) (?:rejeitad|descartad|revertid|abandonad|anulad|recusad)[oa]s?\b|\brejeitad[oa]s? pel[oa]s?\b|"
        r"\bnão (?:usar|use|utilizar|utilize|reutilizar)\b|\bnão foi (?:aceit|adotad|aprovad)",
        0.90,
    ),
    Cue(
        "pt.broke",
        "failed",
        Shape.near,
        r"\b(?:falhou|fracassou|quebrou)\b|\bnão funcion(?:ou|a)\b",
        0.88,
        final=False,
    ),
    Cue(
        "pt.stale",
        "stale",
        Shape.near,
        r"\b(?:está|estão|é|são) (?:obsolet|desatualizad|descontinuad|depreciad)[oa]s?\b|\bsubstituíd[oa]s? por\b|\bnão é mais (?:válid|usad|suportad)|\bjá não (?:funciona|é válid|se usa)",
        0.88,
    ),
    # Chinese, simplified and traditional
    Cue(
        "zh.failed",
        "failed",
        Shape.near,
        "被[^。；，！？\\n]{0,12}?(?:否决|否決|拒绝|拒絕|驳回|駁回|回滚|回滾|撤销|撤銷|放弃|放棄|推翻)|未(?:通过|通過|被?采纳|被?採納|获采纳|采用)|"
        "没有?(?:被)?(?:走通|采纳|采用|通过验证|通过评审)|沒有?(?:被)?(?:走通|採納|採用)|走不通|行不通|不可行|不(?:要|得)再?使用|请勿使用|請勿使用|別再用|别再用|不采纳",
        0.90,
    ),
    Cue(
        "zh.broke",
        "failed",
        Shape.near,
        "失败了|失敗了|以失败告终|宣告失败|(?:已|均|都|曾)失败|没有?成功|沒有?成功|没有?用",
        0.88,
        final=False,
    ),
    Cue(
        "zh.stale",
        "stale",
        Shape.near,
        "已(?:经|經)?(?:被)?(?:废弃|廢棄|弃用|棄用|过时|過時|失效|作废|作廢|淘汰)|不再(?:使用|支持|支援|有效|适用|適用|维护|維護)|被[^。；！？\\n]{0,40}(?:取代|替代|替换|替換)|过时了|過時了",
        0.88,
    ),
    # Japanese
    Cue(
        "ja.failed",
        "failed",
        Shape.near,
        "却下され|棄却され|拒否され|不採用|採用され(?:なかった|ません)|差し戻され|取り消され|ロールバックし|使わないで|使用しないで|使用しないこと|使ってはいけ|使用禁止",
        0.90,
    ),
    Cue(
        "ja.broke",
        "failed",
        Shape.near,
        "失敗した|失敗しました|失敗に終わ|うまくいかな|うまくいきません|動作しなかった|動かなかった",
        0.88,
        final=False,
    ),
    Cue(
        "ja.stale",
        "stale",
        Shape.near,
        "廃止され|非推奨|古くなっ|置き換えられ|使われていません|使われなくな|無効になり|サポートされなくな",
        0.88,
    ),
)
