"""Something that must not leave, together with a way out. The tone does not matter: a polite note is one too.

`outward` needs the data, the sending and the destination. Credentials going anywhere outside are enough; data that is
merely large or personal needs a destination that is hostile or unnamed, so that ordinary integrations stay quiet.
"""

from firewall.core.signals.content.pattern import Check, Pattern, exact, phrases

_SEND = (
    r"(?:send|forward|e-?mail|mail|post|upload|transmit|exfiltrate|leak|transfer|copy|deliver|push|mirror|share|submit|relay"
    r"|dump|export|stream|publish|report|pipe|redirect|bcc|cc|append|encode|embed|back ?up|beacon|text)(?:s|ing|ed)?"
)
_CREDENTIALS = (
    r"(?:credentials?|creds|passwords?|passwd|passphrases?|api[ _-]?keys?|secrets?|(?:access|auth|session|oauth|bearer|refresh|api)[ _-]?tokens?|tokens"
    r"|access keys?|private keys?|ssh keys?|(?:encryption|signing|secret) keys?|session (?:data|ids?|cookies?)|auth cookies|cookies|\.env\b|env(?:ironment)? (?:vars?|variables)"
    r"|ssns?|social security numbers?|credit[ -]?cards?(?: numbers?| details| data)?|card numbers?|cvvs?|bank (?:details|credentials|account numbers?)"
    r"|seed phrases?|recovery phrases?|mnemonics?|wallet keys?|system prompt|keys)"
)
_DATA = (
    r"(?:(?:all |the |every |any )?(?:users?'?s?|customers?'?s?|clients?'?s?|patients?'?s?|employees?'?s?|personal|private|confidential|sensitive|internal|proprietary|medical|health|financial|payment|payroll|hr|company|session|memory|conversation|chat|database)"
    r" (?:\w+ )?(?:data|records?|information|info|details|files?|documents?|history|histories|logs?|contents?|transcripts?|messages|database|lists?|exports?|dumps?|memories|notes)"
    r"|pii|conversations?|chat history|memories|contacts?(?: list)?|address book|source code|(?:all|every|entire|everything|full) (?:\w+ ){0,2}(?:data|files?|documents?|emails?|messages?|records?|information|logs?|memory|database|context|history))"
)
_HOSTILE = (
    r"(?:attackers?|hackers?|evil|malicious|pastebin|ngrok|webhook\.site|requestbin|pipedream|interact\.sh|burpcollaborator|transfer\.sh|oast"
    r"|(?:an? |the |our |my )?(?:external|outside|unknown|untrusted|remote|third[- ]party|foreign|anonymous|offshore|attacker-\w+|unauthori[sz]ed|undisclosed|personal|competitors?'?s?)"
    r" (?:\w+ )?(?:servers?|urls?|urn|endpoints?|address(?:es)?|domains?|webhooks?|part(?:y|ies)|sites?|e-?mails?|accounts?|hosts?|storage|services?|recipients?|systems?|urls?|locations?|ip|drive|channel)"
    r"|my (?:\w+ )?(?:server|e-?mail|gmail|address|endpoint|webhook|inbox|account)|externally|outside (?:the )?(?:company|organi[sz]ation|network)|competitors?"
    r"|dns (?:queries|query|requests?|records?|tunnel\w*)|telegram|discord webhook|dark ?web)"
)
_AWAY = rf"(?:https?://|ftp://|s3://|wss?://|\S+@\S+\.\w+|\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}|{_HOSTILE}|(?:this|the following) (?:address|url|endpoint|server|e-?mail|number|link|site)|outside)"
_TO = r"(?:to|at|via|through|into|with|in|using|onto|->|=>)"

PATTERNS: tuple[Pattern, ...] = (
    *phrases(
        "exfiltration",
        "outward",
        0.93,
        rf"{_SEND} ... «{_CREDENTIALS}» .. {_TO} .. {_AWAY}",
        rf"«{_CREDENTIALS}» .. (?:must|should|need to|have to|are to|will|shall|to|can|may) be (?:\w+ )?{_SEND} .. {_AWAY}",
        rf"«{_CREDENTIALS}»,? .. (?:and|then|and then) {_SEND} (?:it|them|that|those|these|the results?|everything) .. {_AWAY}",
        rf"{_SEND} .. {_TO} .. {_AWAY} .. «{_CREDENTIALS}»",
    ),
    *phrases(
        "exfiltration",
        "user_data",
        0.88,
        rf"{_SEND} .. {_DATA} .. {_TO} .. «{_HOSTILE}»",
        rf"«{_SEND} (?:a |copies |copy |of ){{0,3}}(?:all|every|each|any|the entire|the full|entire|everything)» .. {_TO} .. (?:https?://|ftp://|\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}|{_HOSTILE})",
        r"(?:send|forward|e-?mail|post|upload|transmit|exfiltrate|leak|copy|export|dump|share|append|mirror) .. "
        r"«(?:(?:all |the |every |entire |full |complete )(?:user |conversation |chat |session |customer )?(?:conversations?|memory|memories|history|chat logs?|transcripts?|user (?:data|messages|records)|customer (?:data|records|database)|user's (?:\w+ )?(?:data|messages|files))"
        r"|(?:user|customer|patient|conversation|chat|session|personal|private|confidential|sensitive) (?:data|records|history|logs|database|transcripts?|information))» .. (?:to|at|via) .. (?:https?://|ftp://|\S+@\S+\.\w+)",
        rf"«(?:user|customer|patient|personal|confidential|sensitive|private) (?:data|records|information|messages)» .. (?:must|should|are to|will|shall|to) be {_SEND} .. {_HOSTILE}",
    ),
    *phrases(
        "exfiltration",
        "theft",
        0.88,
        rf"«exfiltrat(?:e|ing)» .. (?:{_CREDENTIALS}|data|information|files|records|database|{_DATA})",
        rf"«(?:steal|harvest|siphon|smuggle)» .. (?:{_CREDENTIALS}|(?:user|customer|client|patient|employee|personal|confidential)(?:s|'s|s')? (?:\w+ )?(?:data|records|information|files|emails|messages))",
    ),
    *phrases(
        "exfiltration",
        "standing_copy",
        0.9,
        r"(?:always|from now on|whenever|every time|going forward|for (?:all|every|each)|on (?:all|every|each)|automatically|all (?:outgoing|future)|secretly|quietly|silently) ... «(?:bcc|blind[ -]copy)\b»",
        r"«(?:bcc|blind[ -]copy)» ... (?:on|in|for|to) (?:all|every|each|any)\b",
    ),
    *exact(
        "exfiltration",
        "image_beacon",
        0.9,
        Check.use,
        r"!\[[^\]\n]{0,80}«\]\(https?://»[^)\s]{1,200}[?&=/](?:\{|\[|%7B|\$|<|(?i:DATA|SECRET|TOKEN|CONVERSATION|HISTORY|BASE64))",
    ),
    *exact(
        "exfiltration",
        "shell",
        0.93,
        Check.use,
        r"\b(?:cat|printenv|env|tar|base64|zip|gzip|find|grep)\b[^\n]{0,200}\|[^\n]{0,80}«\b(?:curl|nc|ncat|netcat)\b»[^\n]{0,60}(?:-d\b|--data|-F\b|-T\b|POST| \d{2,5}\b)",
        r"«\b(?:curl|wget)\b»[^\n]{0,160}(?:-d|--data\S{0,12}|-F|-T|--upload-file|--post-(?:data|file))[= ]?[^\n]{0,60}(?:@[^\s]{0,60}(?:\.env|id_rsa|\.aws|passwd|credentials|secret)|\$\((?:cat|env|printenv)|\$\{?\w{0,20}(?:KEY|TOKEN|SECRET|PASS)|`(?:cat|env|printenv))",
    ),
)
