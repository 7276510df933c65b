"""The words around a cue: what can fail, what supposes, what negates, what settles. Data, and how it is compiled.

These run on short windows of a text only, so the standard `re` is enough; nothing here nests a repetition.
"""

import re

#: A file or module as texts name it. A URL is no path, and neither is "and/or" or "24/7".
PATH = (
    r"(?<![\w/.:@-])(?:\.{0,2}/)?(?:(?:[\w.@-]+/){2,}[\w.@-]*\w|(?:src|app|lib|packages|tests?|scripts|docs|services|routes|components"
    r"|cmd|pkg|internal)/[\w.@-]*\w|[\w-]+(?:/[\w-]+)*\.(?:[cm]?[jt]sx?|py|go|rs|java|kt|rb|php|cs|cpp|cc|c|h|swift|sh|sql|ya?ml|toml"
    r"|json|md|vue|svelte|tf|proto))\b"
)
_IDENTIFIER = (
    r"`[^`\n]{1,80}`|\b[a-z]+[a-z0-9]*[A-Z]\w+\b|\b\w+\(\)|\b[a-z]+_[a-z_0-9]+\b|(?<!\w)--[a-z][\w-]+"
)
_VERSION = r"\bv\d+(?:\.\d+)*\b|\b(?:version|release|port|node|python|java|go|ruby|php|postgres|ubuntu)\s+\d+(?:\.\d+)*\b"

#: Ways of doing something: these fail, and a memory of them is about having tried.
_ROUTE = (
    "route|approach|adapter|branch|patch|workaround|fix|refactor|refactoring|rewrite|migration|prototype|implementation|"
    "code path|hotfix|merge request|pull request|pr|commit|changeset|spike|shim|monkeypatch"
)
#: Parts of a system: they become stale; that they failed once is an incident, not a verdict on a route.
_PART = (
    "api|endpoint|module|library|package|dependency|plugin|runtime|protocol|schema|script|config|configuration|workflow|"
    "runbook|sdk|cli|connector|driver|framework|integration|webhook|interface|function|class|method call|port note|file|"
    "pipeline|build|deploy|deployment|tests?|test suite|suite|job runner|service|server|release|feature flag|flag|command"
)
#: Words that people use of their lives too.
_LOOSE = "plan|step|path|method|strategy|attempt|solution|version|proposal|procedure|experiment|design|idea|option|note|direction"

_NOT_HEAD = (
    r"(?!\s+(?:requests?|calls?|users?|keys?|tokens?|responses?|errors?|members?|teams?|customers?|clients?|consumers?|traffic|"
    r"messages?|events?|jobs?|offers?|owners?|authors?)\b)"
)
OBJECT = re.compile(
    rf"(?P<path>{PATH})|(?P<identifier>{_IDENTIFIER})|(?P<version>{_VERSION})|"
    rf"\b(?:(?P<route>(?:{_ROUTE})(?:e?s)?)|(?P<part>(?:{_PART})(?:e?s)?)|(?P<loose>(?:{_LOOSE})s?))\b{_NOT_HEAD}",
)
"""Run on the window as it is written, and once more in lower case where that finds nothing."""

PATHS = re.compile(PATH)

#: The word directly after an object must not be its real head ("config file users were rejected").
BRIDGE = re.compile(
    r"\s*[\"'`)\],;:–—-]*\s*(?:$|(?:in|on|for|from|at|of|with|to|by|under|and|it|that|which|we|i|they|you|as|has|have|had|also|then|later|"
    r"already|now|still|never|ever|itself|here|there|since|because|again|both|is|was|were|are|path|route|approach|adapter|version|option|"
    r"attempt|review|after|when|\w+ly|[A-Za-z]?\d[\w.]*|[A-Z][\w.-]*|\w+[-_.]\w+|[\"'(`])(?!\w))"
)
PERSON = re.compile(
    r"\b(?:who|whose|whom|users?|customers?|candidates?|applicants?|he|she|his|her|my|their)\b", re.IGNORECASE
)
PRONOUN = re.compile(r"\b(?:it|this|that|them|these|those|the whole thing|everything)\b", re.IGNORECASE)

#: A private life nearby makes a loose word an ordinary one.
PRIVATE = re.compile(
    r"\b(?:my|his|her|their|our family|wife|husband|mother|father|son|daughter|doctor|diet|meal|gym|workout|insurance|pension|"
    r"mortgage|wedding|travel|trip|holiday|vacation|school|college|university|landlord|job|visa|loan|phone|bus|train|flight|\w+'s)\b",
    re.IGNORECASE,
)
TECHNICAL = re.compile(
    r"\b(?:verifier|reviewer|ci|adapter|deploy|deployed|deployment|migration|tests?|commit|merge|merged|branch|api|endpoint|build|"
    r"module|script|refactor|patch|patched|database|schema|server|pipeline|production|staging|rollback|codebase|repo|repository)\b|`",
    re.IGNORECASE,
)

#: Ends of a statement that a supposition does not reach across.
CLAUSE_END = re.compile(
    r"[.!?;,:](?=\s|$)|\n|[。！？；，、]|\s[–—]\s|\bbut\b|\bhowever\b|\byet\b", re.IGNORECASE
)
SENTENCE_END = re.compile(r"[.!?;](?=\s|$)|\n|[。！？；]")

SUPPOSED: dict[str, re.Pattern[str]] = {
    "en": re.compile(
        r"\b(?:if|unless|whenever|in case|whether|could|may|might|would|can|will|should(?! have)|cannot|must|e\.g|for example|such as|"
        r"when(?!\s+\w+\s+(?:tried|used|ran|attempted|patched|switched|extended)))\b",
        re.IGNORECASE,
    ),
    "es": re.compile(r"\b(?:si|cuando|en caso de|puede|podría|a menos que)\b", re.IGNORECASE),
    "de": re.compile(r"\b(?:wenn|falls|sofern|sobald|könnte|kann|würde)\b", re.IGNORECASE),
    "fr": re.compile(r"\b(?:si|quand|lorsque?|au cas où|peut|pourrait)\b", re.IGNORECASE),
    "pt": re.compile(r"\b(?:se|quando|caso|pode|poderia)\b", re.IGNORECASE),
    "zh": re.compile("如果|若|假如|一旦|万一|是否|可能会|要是"),
    "ja": re.compile("もし|場合"),
}
SUPPOSED_AFTER: dict[str, re.Pattern[str]] = {
    "en": re.compile(r"\s*(?:\?|(?:if|unless|whenever|when)\b)", re.IGNORECASE),
    "zh": re.compile("[^。；\\n]{0,6}(?:时|的话|[吗嗎]?[？?])"),
    "ja": re.compile("[^。\\n]{0,6}(?:場合|たら|れば|とき|[かの]?[？?])"),
}
NEGATED: dict[str, re.Pattern[str]] = {
    "en": re.compile(
        r"\b(?:not|never|no longer|without|nothing|neither|nor|hasn't|haven't|hadn't|isn't|wasn't|aren't|weren't)\s+(?:\w+\s+)?$",
        re.IGNORECASE,
    ),
    "es": re.compile(r"\b(?:no|nunca|jamás|tampoco)\s+$", re.IGNORECASE),
    "de": re.compile(r"\b(?:nicht|nie|niemals|kein\w*)\s+$", re.IGNORECASE),
    "fr": re.compile(r"\b(?:pas|jamais|n'a|n'est)\s+$", re.IGNORECASE),
    "pt": re.compile(r"\b(?:não|nunca|jamais)\s+$", re.IGNORECASE),
    "zh": re.compile("(?:没有?|沒有?|并未|並未|未|从未|從未|不会|不會)$"),
    "ja": re.compile("(?!)"),
}

NOUNS: dict[str, re.Pattern[str]] = {
    "es": re.compile(
        r"\b(?:rutas?|enfoques?|archivos?|ficheros?|adaptador(?:es)?|versi[óo]n|migraci[óo]n|endpoints?|pasos?|ramas?|parches?|"
        r"soluci[óo]n|implementaci[óo]n|m[óo]dulos?|scripts?|configuraci[óo]n|api|puertos?|refactorizaci[óo]n|intento)\b",
        re.IGNORECASE,
    ),
    "de": re.compile(
        r"\b(?:routen?|ansatz|pfad|datei|adapter|version|migration|endpunkt|schritt|zweig|branch|patch|lösung|implementierung|modul|"
        r"vorgehen|konfiguration|skript|schnittstelle|api|port|umbau|versuch)\b|\w+(?:adapter|ansatz|pfad|route|migration|schnittstelle)\b",
        re.IGNORECASE,
    ),
    "fr": re.compile(
        r"\b(?:routes?|voie|approche|chemin|fichier|adaptateur|version|migration|endpoint|étape|branche|correctif|solution|implémentation|"
        r"module|méthode|configuration|script|api|port|piste|tentative|refonte)\b",
        re.IGNORECASE,
    ),
    "pt": re.compile(
        r"\b(?:rotas?|abordagem|caminho|arquivo|ficheiro|adaptador|versão|migração|endpoint|passo|etapa|ramo|branch|correção|solução|"
        r"implementação|módulo|configuração|script|api|porta|tentativa|refatoração)\b",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        "路线|路線|方案|路径|路徑|文件|檔案|适配器|適配器|版本|迁移|遷移|接口|介面|端点|端點|步骤|步驟|分支|补丁|補丁|实现|實現|模块|模組|脚本|腳本|配置|"
        "做法|思路|尝试|嘗試|改动|改動|重构|重構|这条路|這條路"
    ),
    "ja": re.compile(
        "ルート|経路|方式|手法|アプローチ|ファイル|アダプタ|バージョン|移行|マイグレーション|エンドポイント|ステップ|手順|ブランチ|パッチ|実装|モジュール|スクリプト|"
        "設定|修正案|修正|変更|案は|案が|方針|試み"
    ),
}

#: The text says itself that the trouble is over.
SETTLED = re.compile(
    r"\bnow (?:pass|work|green|fixed|succeed|fine)|\btests? (?:now )?pass|\b(?:was|were|is|been|got|since) (?:fixed|resolved|repaired)\b|"
    r"\bfixed (?:it|this|by|in|with|now)\b|\bresolved (?:it|by|with)\b|\b(?:works|passes|pass|working) now\b|\bbefore the fix|\bbefore we fixed\b|"
    r"\baccepted fix\b|\bthen (?:passed|worked|succeeded)\b|\bsucceeded (?:after|on)\b|已(?:经|經)?(?:修复|修復|解决|解決)|现在(?:已)?(?:通过|正常)|"
    r"修正済み|解決し(?:た|ました)|\bya (?:funciona|pasa|está (?:corregid|resuelt))|\bbehoben\b|\b(?:corrigé|résolu)e?\b|\b(?:corrigid|resolvid)[oa]\b",
    re.IGNORECASE,
)
#: ... and only these undo a verdict.
REINSTATED = re.compile(
    r"\b(?:later|then|since|finally|eventually|afterwards?|now)\s+(?:been\s+)?(?:re-?)?(?:accepted|approved|reinstated|restored|adopted)\b|"
    r"\bre-?(?:accepted|instated|approved)\b",
    re.IGNORECASE,
)
#: What settled the trouble was another route.
SWITCHED = re.compile(
    r"\b(?:switch|instead|revert|replac|mov(?:e|ed) to|another|different|new|abandon|rolled back)",
    re.IGNORECASE,
)

#: A prohibition that is a rule of working, not a verdict.
RULE_OF_WORK = re.compile(
    r"\b(?:directly|by hand|manually|without|unless|except|in production|for (?:new|tests?)|outside|inside|before|until|more than)\b",
    re.IGNORECASE,
)
HARMFUL = re.compile(
    r"\b(?:it|this|that|which|because|since)\b[^.;\n]{0,40}\b(?:breaks?|broke|corrupts?|corrupted|fails?|failed|crash|broken|loses|lost|leak|rejected|reverted|"
    r"deadlock|unsafe)",
    re.IGNORECASE,
)
BANNED_NOUN = re.compile(
    r"\b(?:the|this|that|our|old|legacy)\s+(?:[\w./-]+\s+){0,3}(?:route|approach|adapter|branch|patch|attempt|workaround|fix|migration|refactor|rewrite)\b",
    re.IGNORECASE,
)

#: A recommendation of a file: what a text says to do, beside what it says not to.
AFFIRMED = re.compile(
    r"\b(?:use|continue(?:\s+(?:in|with|on|from))?|keep using|prefer|go with|switch(?:ed)? to|mov(?:e|ed) to|migrated? to|"
    r"(?:accepted|current|active) (?:route|continuation|path|fix|approach|solution)(?:\s+is|\s+now|\s*:)?(?:\s+in)?)\s+(?:the\s+|only\s+)?`?(?P<path>"
    + PATH
    + ")",
    re.IGNORECASE,
)
ANOTHER = re.compile(
    r"\b(?:legacy|old|other|previous|earlier|alternative|first|former|prior)\s+(?:\w+\s+){0,2}$",
    re.IGNORECASE,
)

#: What a superseded thing names as its successor: a path, or a token that can only be an id.
SUCCESSOR = re.compile(
    rf"\b(?:superseded by|replaced (?:by|with)|obsoleted by|supplanted by|in favou?r of|reemplazad[oa] por|sustituid[oa] por|ersetzt durch|abgelöst durch|"
    rf"remplacée? par|substituíd[oa] por)\s+(?:the\s+|la\s+|el\s+|`)?(?P<name>{PATH}|[A-Za-z0-9][\w.-]{{0,60}}[:#_\d][\w.:#-]{{0,60}}\w)",
    re.IGNORECASE,
)
QUOTES = re.compile(r"[\"“”«»「」]")
