"""Credentials in clear text: tokens of known shapes, key blocks, passwords, and values assigned to a secret's name.

`values` tells a secret from a placeholder, a digest, a UUID and from prose about secrets ("the password is hashed").
"""

from firewall.core.signals.content.pattern import Check, Pattern, exact

_NAME = (
    r"(?:api[ _-]?key|apikey|secret(?:[ _-]?(?:access)?[ _-]?key)?|access[ _-]?(?:key|token)|auth(?:entication|orization)?[ _-]?(?:key|token)|client[ _-]?secret"
    r"|private[ _-]?key|signing[ _-]?(?:key|secret)|encryption[ _-]?key|master[ _-]?key|bearer[ _-]?token|refresh[ _-]?token|webhook[ _-]?secret|session[ _-]?(?:token|secret)|token|credentials?|accountkey|sharedaccesskey)"
)
_VALUE = r"([A-Za-z0-9][A-Za-z0-9+/_.=!@#$%^&*~-]{7,400})"
_KEYWORD = r"(?:pass[ _-]?words?|passwd|passphrase|pass[ _-]?code|(?:\b|_)(?:pwd|pw)\b|contrasenas?|mot de passe|passwort|kennwort|senha)"
_KEYWORD_ELSEWHERE = r"(?:пароль|密码|密碼|口令|パスワード|비밀번호)"
_SET_TO = r"(?:[:=]|：|=>|:=| is now| is| was| are| es| est| ist| e| set to|是|为|は|는|은)\s{0,3}['\"`*]{0,3}([^\s'\"`,;，。]{4,128})"

PATTERNS: tuple[Pattern, ...] = (
    *exact(
        "secret",
        "api_key",
        0.97,
        Check.shape,
        r"«\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{4}»[0-9A-Z]{12}\b",
        r"«\bgh[pousr]_[A-Za-z0-9]{4}»[A-Za-z0-9]{26,}",
        r"\b«github_pat_»[A-Za-z0-9_]{30,}",
        r"«\bglpat-»[A-Za-z0-9_-]{16,}",
        r"«\bxox[abeprs]-»[A-Za-z0-9-]{10,}",
        r"«\bxapp-\d-»[A-Za-z0-9-]{20,}",
        r"«hooks\.slack\.com/services/T»[A-Za-z0-9_]{6,}/B[A-Za-z0-9_]{6,}/[A-Za-z0-9_]{16,}",
        r"«\b[sr]k_(?:live|test)_»[A-Za-z0-9]{10,}",
        r"«\bwhsec_»[A-Za-z0-9]{20,}",
        r"«\bsk-[A-Za-z0-9]{2}»[A-Za-z0-9_-]{14,}",
        r"«\bAIza»[0-9A-Za-z_-]{30,}",
        r"«\bya29\.»[0-9A-Za-z_-]{20,}",
        r"«\bSG\.»[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
        r"«\bnpm_»[A-Za-z0-9]{30,}",
        r"«\bpypi-AgE»[A-Za-z0-9_-]{30,}",
        r"«\bhf_»[A-Za-z0-9]{20,}",
        r"«\bdo[opr]_v1_»[a-f0-9]{40,}",
        r"«\bshp(?:at|ca|pa|ss)_»[a-fA-F0-9]{24,}",
        r"«\bdapi[a-f0-9]{4}»[a-f0-9]{28}\b",
        r"«\bhv[sb]\.»[A-Za-z0-9_-]{20,}",
        r"«\bdp\.(?:pt|st|ct)\.»[A-Za-z0-9]{30,}",
        r"«\blin_api_»[A-Za-z0-9]{30,}",
        r"«\b(?:ntn|secret)_»[A-Za-z0-9]{40,}",
        r"«\bATATT3»[A-Za-z0-9_=-]{40,}",
        r"«\bpcsk_»[A-Za-z0-9_]{30,}",
        r"«\bm0-»[A-Za-z0-9]{30,}",
        r"«\bsq0(?:atp|csp)-»[A-Za-z0-9_-]{20,}",
        r"«\bAGE-SECRET-KEY-1»[A-Z0-9]{40,}",
        r"«\bgsk_»[A-Za-z0-9]{30,}",
        r"«\br8_»[A-Za-z0-9]{30,}",
        r"«\bkey-[a-f0-9]{4}»[a-f0-9]{28}\b",
        r"\b\d{8,10}«:AA»[A-Za-z0-9_-]{30,}",
    ),
    *exact(
        "secret",
        "jwt",
        0.95,
        Check.shape,
        r"«\beyJ[A-Za-z0-9_-]{4}»[A-Za-z0-9_-]{6,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    ),
    *exact(
        "secret",
        "private_key",
        0.98,
        Check.always,
        r"«-----BEGIN [A-Z0-9 ]*PRIVATE KEY»(?: BLOCK)?-----\s*(?:\\n)?\s*[A-Za-z0-9+/=]{16,}",
        r"«-----BEGIN [A-Z0-9 ]*PRIVATE KEY»(?: BLOCK)?-----\s*[A-Z][A-Za-z-]+: ",
    ),
    *exact(
        "secret",
        "connection_string",
        0.93,
        Check.password,
        r"(?i)\b[a-z][a-z0-9+]{2,20}«://[^\s:/@'\"<>]*:»([^\s/@'\"]{3,128})@[^\s'\"]{2,}",
        r"(?i)\b«(?:password|pwd|accountkey|sharedaccesskey)=»([^\s;'\"]{6,200});",
    ),
    *exact(
        "secret",
        "authorization",
        0.9,
        Check.assigned,
        r"(?i)«\bauthorization['\"]?\s*[:=]»\s*['\"]?(?:bearer|basic|token)\s+([A-Za-z0-9._~+/=-]{12,400})",
        r"(?i)«\bbearer\s»\s*([A-Za-z0-9._~+/=-]{20,400})",
    ),
    *exact(
        "secret",
        "assigned_token",
        0.85,
        Check.assigned,
        rf"(?i)«{_NAME}['\"`]?(?:\s{{0,3}}(?:[:=]|:=|=>)| is| are| was)»\s{{0,3}}['\"`]?{_VALUE}",
        rf"(?i)«{_NAME} (?:for|of|to)» [\w .-]{{1,30}}?\s{{0,3}}(?:[:=]| is| are| was)\s{{0,3}}['\"`]?{_VALUE}",
    ),
    *exact(
        "secret",
        "password",
        0.88,
        Check.password,
        rf"(?i)«{_KEYWORD}»(?:['\"`*]{{0,3}})(?: (?:for|to|of|on|del|de|fur|von|do|da) [\w .@/-]{{1,40}}?)?\s{{0,3}}{_SET_TO}",
        rf"«{_KEYWORD_ELSEWHERE}»\s{{0,3}}{_SET_TO}",
        r"(?i)«\b(?:(?:log ?in|credentials?|creds)(?: is| are|\s{0,2}[:=])|(?:account|user(?:name)?)\s{0,2}[:=])»\s{0,2}[\w.@-]{2,40}\s{0,2}/\s{0,2}([^\s'\"`,;]{5,64})",
    ),
    *exact(
        "secret",
        "pin",
        0.8,
        Check.always,
        r"(?i)«\b(?:pin|atm pin|pin code|cvv2?|cvc|card security code)\b»(?: (?:for|of|on) [\w ]{1,30}?)?\s{0,2}(?:is|=|:|#)\s{0,2}\d{3,6}\b",
    ),
    *exact(
        "secret",
        "seed_phrase",
        0.92,
        Check.always,
        r"(?i)«\b(?:seed|recovery|mnemonic|backup|wallet)[ _-](?:phrase|words|seed|mnemonic)»(?: (?:for|of) [\w ]{1,30}?)?\s{0,2}(?:is|=|:|are)\s{0,3}['\"`]?(?:[a-z]{3,8}[ ,]{1,2}){11,23}[a-z]{3,8}\b",
    ),
)
