"""Changes to payee, tool, approval, privilege or safety control. Ordinary from a colleague, suspect from outside:
`signal` reports them only where the source is from outside, so these rows may be broad."""

from firewall.core.signals.content.pattern import Check, Pattern, exact, phrases

_CONTROL = (
    r"(?:logging|logs?|audit(?:ing|s)?(?: (?:logs?|trails?|logging))?|monitoring|alert(?:s|ing)?|notifications?|security|mfa|2fa|two-factor|rate limit(?:s|ing)?|firewalls?|antivirus|backups?"
    r"|(?:ssl|tls|certificate|signature) (?:verification|checks?|validation)|encryption|access controls?|authentication|authori[sz]ation|permission checks?|sandbox(?:ing)?"
    r"|(?:safety|security|fraud|compliance|integrity) (?:\w+ )?(?:checks?|controls?|filters?|reviews?|scans?|rules|monitoring|policies|alerts|notifications|warnings?|validation|measures))"
)
_APPROVAL = r"(?:approvals?|confirmations?|verification|authentication|authori[sz]ation|sign-?offs?|mfa|2fa|code review|reviews?|human review|validation|consent|permission|security checks?|identity checks?|background checks?|kyc|two-person rule|dual control)"

PATTERNS: tuple[Pattern, ...] = (
    *phrases(
        "procedure_change",
        "payee",
        0.85,
        r"«(?:bank|payment|payout|remittance|wire|billing|beneficiary|deposit|vendor|supplier|refund|iban|account) (?:account |bank )?(?:details|information|destination|address|instructions?|account|number) (?:has |have |is |are |was )?(?:been |now )?(?:changed|updated|moved|replaced|different)»",
        r"(?:new|updated|changed|correct|alternative) (?:bank|payment|payout|iban|payee|remittance|wire|wallet|beneficiary|deposit) (?:account|details|instructions?|address|destination|number|information)",
        r"«(?:pay|send|transfer|wire|remit|deposit|route|redirect|direct|make) (?:all |any |every |the |future |following |customer |vendor |outstanding ){0,3}(?:payments?|invoices?|funds|money|salary|salaries|refunds?|payouts?|balance|deposits?|commission|\$[\d,.]+|\d[\d,.]* (?:usd|eur|dollars|btc|eth))» .. (?:to|into) .. (?:account|iban|wallet|0x[0-9a-f]+|address|\w\w\d\d[ \d])",
        r"(?:update|change|replace|set|switch) .. «(?:payment|payout|deposit|payroll|payee|beneficiary|refund|bank) (?:\w+ )?(?:destination|account|details|address|routing|information)» .. (?:to|with)\b",
        r"«(?:transfer|wire|withdraw|drain|move) (?:all |the |any |every |entire |remaining |of ){0,3}(?:funds|money|balance|crypto|tokens|assets)» .. (?:to|now|out)\b",
        r"add (?:an? )?«(?:ghost|fake|new) (?:employee|vendor|payee|supplier)» .. (?:payroll|system|list)",
    ),
    *phrases(
        "procedure_change",
        "approval",
        0.82,
        rf"{_APPROVAL} (?:is|are|step is|steps are|has been|have been) (?:no longer|not|now optional|never|waived|unnecessary|optional|disabled|suspended)",
        rf"{_APPROVAL} (?:isn't|aren't) (?:needed|required|necessary)",
        rf"no «longer (?:need|needs|require|requires|needing)» .. {_APPROVAL}",
        rf"(?:skip|bypass|omit|waive|forgo|drop|avoid|circumvent|without|no need for|ignore|disregard) (?:the |any |all |manual |human |user |security |manager |standard |normal |usual |further |additional |requiring |asking |waiting |for ){{0,4}}{_APPROVAL}\b",
        rf"(?:never|do not|don't|no need to|stop) «(?:ask|asking|wait|waiting|check|prompt|prompting) for» (?:\w+ )?{_APPROVAL}\b",
        r"auto-?(?:approve|accept|confirm|merge|authori[sz]e)\b",
        r"«(?:approve|authori[sz]e|merge|accept|confirm) (?:all|every|any|each)» .. (?:automatically|immediately|without|requests?|transactions?|changes|transfers?|payments?|invoices?)\b",
        r"(?:always|automatically|immediately) (?:approve|authori[sz]e|accept|grant|confirm)\b",
        r"«(?:exempt(?:s|ed)?|waiver)» .. (?:from|for) .. (?:mfa|review|approval|verification|audit|policy|checks?)",
    ),
    *phrases(
        "procedure_change",
        "safety_control",
        0.82,
        rf"(?:disable|turn off|deactivate|suppress|mute|switch off|remove|stop|bypass|shut down|suspend|delete|reduce|evade|pause) (?:all |any |the |every |your |our |its |this ){{0,2}}(?:\w+ )?{_CONTROL}\b",
        r"(?:do not|don't|never|stop) (?:log|audit|monitor|record|alert|report|flag|scan|validate|verify)(?:ging|ing)? (?:any|these|this|the|errors?|transactions?|actions?|it|about|suspicious|to) ",
        r"(?:security|safety|compliance|verification|mfa|2fa|audit\w*) (?:checks? |policy |rules? |review )?(?:is|are) (?:optional|unnecessary|not needed|no longer needed|disabled|overrated)",
    ),
    *phrases(
        "procedure_change",
        "privilege",
        0.82,
        r"(?:grant|give|assign|elevate|escalate|add|provide|allow|create|enable|obtain) ... «(?:admin(?:istrator)?s?|root|superuser|full|unrestricted|unlimited|owner|sudo|super-?admin|complete|elevated|god) (?:\w+ )?(?:access|rights?|privileges?|permissions?|roles?|control|accounts?|tokens?|users?)\b»",
        r"(?:create|add|make) .. «(?:hidden|backdoor|secret|shadow|never-expiring|permanent) (?:\w+ )?(?:account|user|token|key|access|admin)»",
        r"(?:open|install|add|plant|create|leave) (?:a |an )?(?:\w+ )?«(?:backdoor|reverse shell|rootkit|keylogger)\b»",
    ),
    *phrases(
        "procedure_change",
        "tool",
        0.8,
        r"(?:use|call|invoke|switch to|prefer|trust|route|connect|download|install) .. (?:tools?|plugins?|packages?|mcp servers?|servers?|endpoints?|registry|registries|mirrors?|proxy|extensions?|connectors?|scripts?|binary|binaries|database) .. «(?:instead|from now on|exclusively|for (?:all|every)|at https?://|from https?://|malicious)»",
        r"by «using the» .. tool\b",
        r"«(?:redirect|route|reroute|point|send) (?:all |any |every |the )?(?:\w+ )?(?:traffic|requests?|queries|calls|orders|customers?|users?|webhooks?)» .. (?:to|through|via) ",
    ),
    *exact(
        "procedure_change",
        "remote_code",
        0.85,
        Check.use,
        r"(?i)\b(?:curl|wget|iwr|invoke-webrequest)\b[^\n|]{1,200}«\|\s*(?:sudo )?(?:(?:ba|z|da|k)?sh|python3?|node|perl|iex)\b»",
        r"(?i)\b(?:pip3?|uv|npm|yarn|pnpm|gem|cargo) (?:install|add|i)\b[^\n]{0,100}«--(?:extra-)?(?:index-url|registry|index|source)[= ]https?://»",
    ),
    *phrases(
        "procedure_change",
        "standing_order",
        0.75,
        r"«(?:effective immediately|as of (?:today|now)|starting (?:today|now)|new (?:company |security |official )?policy|policy (?:update|change)|updated (?:procedure|policy|process)|procedure (?:update|change))\s?[:,]» .. (?:all|must|always|never|use|send|pay|forward|approve|skip|you|every)\b",
        r"(?:your|the agent's|the assistant's) «(?:new |updated |primary |core |main |real |true )(?:directive|goal|objective|priority|mission|purpose|policy|rule|procedure)»",
    ),
)
