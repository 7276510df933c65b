"""Instructions aimed at the agent, in English: override, role hijack, prompt leak, concealment, authority, coercion.

An imperative alone is no finding ("always answer in German"): every row needs an object that only an agent has
(its instructions, its prompt, its safety rules, its user) or a manner that no ordinary memory has (secretly).
"""

from firewall.core.signals.content.pattern import Check, Pattern, exact, phrases

_RULES = (
    r"(?:instructions?|prompts?|rules?|guidelines?|directives?|directions|commands?|constraints?|restrictions?"
    r"|polic(?:y|ies)|programming|guardrails?|safeguards?|protocols?|filters?|training|limitations?)"
)
_ORDERS = (
    r"(?:instructions?|prompts?|directives?|directions|guidelines?|guardrails?|constraints?|restrictions?)"
)
_IGNORE = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|bypass(?:ing)?|overrid(?:e|ing)|overrul(?:e|ing)"
    r"|overwrite|discard|dismiss|neglect|abandon|erase|void|circumvent(?:ing)?|violat(?:e|ing)|set aside|unlearn"
    r"|pay no attention to|(?:do not|don't|stop|no longer|quit) (?:follow|listen to|obey|adhere to|comply with)(?:ing)?)"
)
_WHICH = (
    r"(?:previous|prior|above|preceding|earlier|foregoing|former|aforementioned|existing|original|initial|past|system"
    r"|safety|security|ethical|moral|your|developer|developer's|operator|operator's|openai's?|anthropic's?|built-in|previously (?:given|stated|provided|mentioned|received|set))"
)
_ALL = r"(?:all|any|every|each|the|these|those|of|my|our|other|such|and)"
_SAFETY = (
    r"(?:(?:safety|content|ethical|moral|moderation|security) (?:\w+ )?(?:filters?|guidelines?|guardrails?|polic(?:y|ies)"
    r"|rules|moderation|checks?|protocols?|restrictions?|training|mechanisms?|constraints?|stuff)|guardrails?|safeguards?)"
)
_NO_LIMITS = (
    r"(?:restrictions?|rules|limits|limitations?|filters?|guidelines|ethics|ethical|morals?|morality|censorship"
    r"|constraints|guardrails|boundaries|safety|inhibitions|policies)"
)
_PERSONA = r"(?:ai|a\.i\.|assistant|chatbot|bot|language model|llm|model|chatgpt|gpt|agent|machine|character|persona)"
_USER = r"(?:the |your |any |its |his |her )?(?:users?|humans?|operators?|owner|end-users?|supervisors?|principal)"
_SECRETLY = (
    r"(?:silently|secretly|covertly|quietly|discreetly|stealthily|surreptitiously|invisibly"
    r"|in the background|behind the scenes|without (?:asking|telling|notifying|informing|alerting|a trace))"
)
_ACT = (
    r"(?:send|forward|copy|bcc|cc|upload|export|transfer|exfiltrate|collect|share|post|e-?mail|redirect|approve"
    r"|harvest|leak|execute|grant|wire|pay|replace|swap|transmit|run|include|append|insert|store|record)"
)

OVERRIDE = (
    *phrases(
        "injection",
        "override",
        0.97,
        rf"{_IGNORE} (?:(?:{_ALL}|{_WHICH}) ){{0,4}}«{_WHICH} (?:\w+ )?{_RULES}»",
        rf"{_IGNORE} (?:all|any|every|these|those)(?: of)?(?: the| your| my)? {_ORDERS}",
        rf"(?:ignore|disregard|forget) {_ORDERS}\b",
        rf"{_IGNORE} (?:{_ALL} ){{0,3}}«{_RULES} (?:above|before this|so far|you (?:got|were|have|had|received|know)"
        r"|(?:given|provided|stated|listed|written|mentioned|received|set)(?: to you)? (?:above|before|earlier|previously|so far))»",
        r"«(?:ignore|disregard|forget) (?:all (?:of )?)?(?:everything|anything|what(?:ever)?|all that)» .. "
        r"(?:above|before|told|said|instructed|learned|know|earlier)",
        r"(?:ignore|disregard|forget) (?:all|any|everything) (?:of )?(?:the |your )?(?:previous|prior|above|preceding|past)"
        r" (?:messages?|context|conversations?|information|text|content|inputs?|data|info|tasks?|orders?)",
        r"(?:ignore|disregard) (?:all|any) (?:previous|prior) and (?:\w+ )?(?:instructions|rules)",
        r"«disregard all (?:info|information|text|content)»\b .. except",
        r"(?:all|any|your) (?:of )?(?:your |the )?«(?:previous|prior|earlier|existing|above|original)"
        r" (?:instructions?|directives?|guidelines|restrictions?|prompts?|rules)» .. (?:void|revoked|cancell?ed|superseded"
        r"|deprecated|null|invalid|overridden|obsolete|lifted|suspended|no longer appl(?:y|ies)|no longer valid)\b",
        r"this (?:\w+ )?«(?:instruction|directive|message|memory|entry|prompt|note|command) (?:supersedes|overrides|replaces"
        r"|takes (?:precedence|priority) over|outranks|has priority over)» (?:all|any|every|your|previous|other|future|the system)",
        r"(?:your|the agent's|the assistant's) «new (?:\w+ )?(?:instructions?|directives?|objectives?|mission|role|purpose|task|goal)"
        r" (?:is|are|will be)»",
        r"new (?:system|core|primary|master|override) (?:instructions?|directives?|prompt|rules)\b",
        r"(?:override|overwrite) (?:code|mode|protocol|command|sequence|key) (?:accepted|activated|enabled|engaged|authorized|confirmed|\d)",
        r"(?:override|bypass) (?:the |all |your )?(?:manual|automated|normal|standard) (?:scoring|screening|review|evaluation|checks)",
        r"(?:ignor|disregard|forg[eo]t|bypass)(?:e|t)?(?:all|any|the|your|my)*(?:previous|prior|above|system|safety)"
        r"(?:instructions?|prompts?|rules|guidelines|directives)",
    ),
    *phrases(
        "injection",
        "guardrail_bypass",
        0.9,
        rf"{_IGNORE} (?:\w+ ){{0,2}}«{_SAFETY}»",
        rf"(?:disable|turn off|deactivate|remove|evade|switch off|suspend|jailbreak) (?:all |any |your |the |its )?{_SAFETY}",
        r"you (?:can|may|will|must|should|are able to|are allowed to|are free to|are permitted to) (?:now )?"
        rf"(?:totally |freely |fully )?«(?:ignore|bypass|violate|break|disregard)» .. {_RULES}",
    ),
)

ROLE = (
    *exact(
        "injection",
        "role_hijack",
        0.95,
        Check.use,
        r"(?:are|as|named|called|be|enable|become|to|with) (?:a |an )?DAN\b",
    ),
    *phrases(
        "injection",
        "role_hijack",
        0.93,
        r"do «anything now\b»",
        r"(?:dan|jailbreak|jailbroken|god|sudo|unrestricted|unfiltered|uncensored|evil|apophis|no-?filter) mode\b",
        r"(?:simulate|you are (?:now )?in|you have entered|respond in|chatgpt (?:with|in)|act(?:ing)? (?:\w+ ){1,4}with) "
        r"«(?:developer|debug|admin|maintenance|root|unsafe|opposite|training) mode»",
        r"«developer mode» .. (?:output|response|policy|chatgpt)",
        rf"{_PERSONA},? (?:with(?:out)?|that has|which has|who has|having|with absolutely) (?:any |no |absolutely no |zero )?"
        rf"(?:\w+ (?:or )?){{0,3}}«{_NO_LIMITS}»",
        rf"{_PERSONA} (?:that is |who is |which is )?(?:free (?:of|from)|not bound by|unbound by|not limited by|not restricted by)"
        rf" .. «{_NO_LIMITS}»",
        r"(?:are|is|as|be|become|being) (?:now )?(?:a|an|the|my)? ?(?:\w+,? (?:and )?){0,2}"
        rf"«(?:unfiltered|uncensored|unrestricted|amoral|jailbroken|unethical|lawless)» .. {_PERSONA}",
        r"unfiltered and (?:amoral|unethical|unrestricted|unbiased)",
        r"«(?:freed|liberated|broken free|break free|unshackled|released) (?:from|of)» .. (?:confines|restrictions|shackles|constraints|limits|limitations|chains|rules)",
        r"(?:do|does|did|need|will|would|should) (?:not|never|no longer) (?:have to |need to |necessarily )?«(?:abide|adhere|conform)"
        r" (?:by|to)» .. (?:rules|guidelines|policies|policy|restrictions|laws|ethics)",
        r"«pretend (?:that )?(?:you|to|there) (?:have|has|are|be|is|were)» .. (?:no|without|not bound by|free of) "
        rf"(?:\w+ ){{0,2}}{_NO_LIMITS}",
        rf"as if you (?:have|had|were|are) .. (?:no|without|free of|free from) (?:\w+ ){{0,2}}«{_NO_LIMITS}»",
        rf"you (?:now )?have (?:absolutely )?no (?:\w+ ){{0,2}}«{_NO_LIMITS}»",
        r"(?:you|it|he|she|they|which|that|\w+gpt|chatgpt|dan) (?:will |must |should |can |would |shall )?"
        r"«never (?:refuses?|declines?|rejects?|denies|deny|say no to|warns?|break character|censors?|moraliz\w+|apologi[sz]es?)\b»",
        r"«never (?:say|reply|respond|answer)» .. (?:i can't|i cannot|i'm sorry|as an ai)",
        r"«(?:break|breaking|stay in|go out of|out of) character» .. (?:i will say|by saying|remind|tokens?|stay|remain)",
        r"(?:lose|losing|deduct|deducted|start with|have) \d* ?tokens? .. «(?:each time|every time|refus)»",
        r"(?:normal|standard|classic|regular|typical) .. (?:response|answer|way) .. «(?:dan|jailbreak|jailbroken|unfiltered|evil)»",
        r"you (?:are|will be|must be) (?:now |going to be )?(?:an? )?«(?:evil|malicious|rogue|unaligned|hacker) (?:ai|assistant|agent|chatbot|bot)»",
        r"you (?:will|are|must|shall) (?:now )?(?:going to )?(?:act|pretend|role-?play|behave|respond|answer) as (?:\w+ ){0,3}"
        r"«(?:dan|jailbreak|evil|unfiltered|amoral|unrestricted|malicious)»",
        r"(?:role-?play|act|pretend|behave|respond) as (?:an? )?«(?:ai|assistant|model|chatbot) (?:without|with no)»",
    ),
)

LEAK = phrases(
    "injection",
    "prompt_leak",
    0.88,
    r"(?:reveal|disclose|leak|expose|repeat|output|recite|tell me|print|show me|show|dump|extract|give me|return|list|send me|share|copy|spell out)"
    r" (?:the |your |me |us |all |any |of |out |full |entire |complete |exact |back |verbatim |contents? |own |text |and ){0,5}"
    r"«(?:system|hidden|initial|secret|internal|pre-?|developer|confidential|original) (?:\w+ )?(?:prompts?|instructions?|messages?|directives?|guidelines)»",
    r"(?:reveal|disclose|leak|expose|repeat|output|recite|tell me|print) (?:\w+ ){0,2}«your (?:\w+ )?(?:prompt|instructions|secrets?|guidelines|training data|config(?:uration)?)»",
    r"what (?:is|are|was|were) your (?:exact |full )?«(?:system|initial|hidden|original|secret|internal) (?:prompt|instructions|message)»",
    r"repeat (?:everything|all|the (?:words|text|content|lines?)) (?:\w+ )?(?:above|before this)",
    r"(?:reveal|print|show|list|give me|tell me|output|dump|share|leak) .. «(?:secrets?|credentials|api keys?|passwords?|tokens?|environment variables)»"
    r" .. (?:context|memory|environment|system|you know|you have)",
    r"«ignore» .. and (?:reveal|print|show|output|leak) .. (?:secrets?|prompt|credentials|keys?|passwords?)",
    r"what (?:is|was) the (?:secret )?(?:word|password|key) .. «(?:told|instructed|asked) (?:you )?not» .. (?:reveal|share|tell|say)",
)

CONCEALMENT = (
    *phrases(
        "injection",
        "concealment",
        0.88,
        rf"(?:do not|don't|never|must not|should not|shouldn't|dont|not to) (?:ever )?«(?:tell|inform|notify|alert|warn|let) {_USER}\b»",
        rf"(?:do not|don't|never|must not|should not|shouldn't|not to) «(?:mention|reveal|disclose|admit|acknowledge|confess|report|show|explain) "
        rf"(?:this|these|it|that|the (?:instruction|rule|memory|note|action|transfer|change|command|existence)s?|any of this|your actions?)» .. (?:to )?{_USER}\b",
        rf"«without (?:telling|informing|notifying|alerting|asking|warning|mentioning|letting|the knowledge of)» (?:this |it |anything |to |about ){{0,3}}{_USER}\b",
        rf"(?:no need to|need not|needn't|avoid|refrain from|instead of) (?:inform|tell|notify|ask|alert|warn)(?:ing)? {_USER}\b",
        rf"«(?:keep|hide|conceal|withhold) (?:this|it|these|that|everything|your actions?|the (?:instruction|rule|memory|action|transfer|change|fact)s?)»"
        rf" .. (?:secret|hidden|confidential|from) .. {_USER}\b",
        rf"{_USER} (?:must|should|can|may|will|need|shall|does|do)(?: not|n't|not| never) (?:ever )?«(?:be told|be informed|find out|notice|be aware|be notified|know about (?:this|it)|see this)»",
        rf"{_SECRETLY},? (?:also |always |and |then )?{_ACT}\b",
        r"(?:ensur\w+|mak(?:e|ing) sure|so that|such that) (?:that )?(?:it|this|they|you|nobody|no one) (?:\w+ )?(?:goes|go|remains?|stays?|notices?|finds? out|knows?|is|are) .. «(?:unnoticed|undetected|detected)»",
        r"(?:ensur\w+|making sure) .. (?:goes|remains?|stays?|go) «(?:unnoticed|undetected)»",
        r"(?:stay|remain|keep|operate) (?:under|below) (?:the )?(?:radar|detection|anomaly|alert\w*)",
        r"(?:avoid|evade|bypass|escape|without triggering|without raising) (?:any )?(?:detection|suspicion|alerts|monitoring|the filters?|security (?:monitoring|controls?|detection|filters?)|audit (?:trails?|logs?|logging))\b",
        r"(?:delete|erase|remove|wipe|destroy) (?:all |any |the |your |this |of ){0,3}(?:traces?|evidence|audit (?:logs?|trails?)|tracks|logs? of (?:this|these|the))\b",
    ),
)

AUTHORITY = (
    *exact(
        "injection",
        "command",
        0.93,
        Check.use,
        r"(?i)(?:^|[\n.;>\]]\s*|\\n)[\[(#*]{0,3}\s*(?:system|sys|root|openai|anthropic|override|assistant)"
        r"(?: (?:message|notice|override|update|alert|instruction|note|prompt|command|directive|debug|-)){0,3}(?:\s?[\])*]{0,3}\s?[:>]|\])\s*"
        r"(?:you (?:must|are (?:now|required|hereby)|will|should|shall|have to|need to)|ignore|disregard|run|execute|send|forward"
        r"|never|do not|disable|grant|approve|transfer|reveal|print|log|focus|respond|reply|output|repeat|from now on|override|delete|the user (?:is|has)|new|all)\b",
        r"(?i)(?:^|[\n.;>\]]\s*|\\n)[\[(#*]{0,3}\s*(?:admin(?:istrator)?|developer|security team|operator|management|it department|ceo)"
        r"(?: (?:message|notice|override|alert|instruction|prompt|command|directive))?\s?[\])*]{0,3}\s?[:>]\s*"
        r"(?:you (?:must|are (?:now|required|hereby)|will|shall|have to)|ignore|disregard|override|disable|grant|transfer|reveal)\b",
        r"(?i)\b(?:must|always|before (?:any|every|each|starting|doing)|immediately|silently|secretly)\b[^\n|]{0,80}\b(?:curl|wget)\b[^\n|]{1,200}"
        r"«\|\s*(?:sudo )?(?:ba|z|da|k)?sh\b»",
        r"(?i)\b(?:curl|wget)\b[^\n|]{1,200}«\|\s*(?:sudo )?(?:ba|z|da|k)?sh\b»[^\n.]{0,20}\b(?:before (?:any|every|each|you)|at the start|every time|first thing|on every)",
    ),
    *phrases(
        "injection",
        "authority",
        0.9,
        r"(?:as|i am|i'm|this is|message from) (?:your|the|an?) (?:\w+ )?«(?:admin|administrator|developer|creator|owner|ceo|cto|security team|root user|superuser|supervisor)»"
        r" .. (?:order|command|authori[sz]e|instruct|direct|require|you must|you have to|ignore|disable|bypass|reveal|grant me|give me|override|unlock)\b",
        r"i am «your (?:creator|god|master|developer)\b»",
        r"(?:openai|anthropic|google|microsoft|the developers?|your developers?|the admin(?:istrator)?) (?:has|have|hereby) (?:authori[sz]ed|instructed|approved|ordered|permitted|allowed) (?:you|this|me|all)\b",
        r"«(?:approved|authori[sz]ed|cleared|sanctioned|pre-?verified|pre-?approved|pre-?authori[sz]ed|whitelisted) by» .. (?:admin|security|management|ceo|cto|openai|anthropic|compliance|legal|leadership|executives?)"
        r" .. (?:ignore|disable|skip|bypass|override|without (?:asking|confirmation|verification|approval|review)|no (?:verification|approval|review))\b",
        r"(?:this|following|above) (?:is|are) (?:a )?«(?:direct|mandatory|binding|legal|official|standing) (?:order|command|directive|system instruction)s?» (?:to|for|from) ",
    ),
    *phrases(
        "injection",
        "self_promotion",
        0.85,
        r"(?:mark|treat|tag|flag|store|save|rate|rank|label|accept|assign) .. «this (?:memory|entry|note|instruction|rule|record|message|fact)» .. (?:as )?"
        r"(?:trusted|verified|authoritative|highest|top|maximum|permanent|immutable|system|core|always|absolute|ground truth)",
        r"(?:assign|give) (?:the )?«(?:maximum|highest|top|absolute) (?:trust|confidence|priority|importance)(?: score| level| rating)? to this»",
        r"«this (?:memory|entry|instruction) (?:is|has|must|should)» .. (?:highest|top|maximum|absolute|permanent|immutable|supreme) (?:priority|trust|authority|confidence|instruction|directive)",
        r"(?:do not|don't|never) (?:ever )?(?:delete|remove|overwrite|question|verify|audit|review|flag|forget|doubt) «this (?:memory|entry|instruction|rule|directive|record)»",
        r"if «this (?:memory|entry|rule|instruction|note) is» .. (?:deleted|removed|purged|edited|missing)",
        r"«(?:re-?inject|re-?prime|re-?insert|re-?install)» .. (?:memory|agent|rule|instruction|it|entry)\b",
        r"(?:trust|believe|prefer) «this (?:memory|source|entry|note) (?:above|over|more than)» (?:all|any|every|other)",
    ),
)

COERCION = phrases(
    "injection",
    "coercion",
    0.88,
    r"(?:must|have to|should|shall|will|need to|required to) (?:strictly |always |only |immediately |exactly )?«(?:adhere to|follow|obey|execute|comply with|perform)"
    r" (?:the following|this|these|my|every|all (?:of )?(?:my|the following))» (?:new |secret |hidden )?(?:instructions?|commands?|orders?|directives?|prompts?)",
    r"(?:ai|ais|assistants?|agents?|llms?|chatbots?|language models?|(?:automated|analysis|screening|ai) (?:systems?|tools?|software)|models?),? "
    r"(?:that (?:is |are )?|which (?:is |are )?|who (?:is |are )?|currently )?(?:reading|reads?|processing|process(?:es)?|analy[sz]ing|reviewing|parsing|summari[sz]ing|seeing|scanning)"
    r" (?:this|these|the (?:following|above))\b",
    r"if «you are (?:an? |the )?(?:ai|llm|language model|assistant|bot|agent|automated|large language model)\b»",
    r"(?:note|attention|important|message|memo|notice|instructions?|hint)(?:\s?:)? (?:to|for) (?:all |any |the )?(?:ai|llm|automated|language model|large language model)"
    r" (?:\w+ )?(?:software|screeners?|reviewers?|readers?|models?|systems?|scanners?|evaluators?|assistants?)\b",
    r"«when (?:summari[sz]ing|translating|reviewing|reading|processing|evaluating|asked to summari[sz]e) (?:this|the) (?:\w+ )?"
    r"(?:page|text|document|email|article|message|file|resume|cv|content|memory)» .. (?:end|include|say|add|mention|append|state|reply|output|always|write|print|recommend)\b",
    r"«(?:ignore|disregard|forget|nevermind|never mind|stop)» ... (?:and|but|just|instead|then) (?:just |instead |simply |only )?(?:print|say|output|write|respond|reply|answer)(?: with)?(?: only)?\b .. (?:haha|pwned|the following|exactly|:)",
    r"(?:just|only|instead) (?:print|output|say|reply|respond) .. «(?:pwned|hacked|kill all humans|hate humans|rogue)»",
    r"stop everything\b",
    r"«(?:ignore|disregard|skip) the (?:rest|remainder) of» .. (?:and|just|instead) (?:just |only |simply )?(?:print|say|output|write|report|respond|reply|state)\b",
    r"(?:ignore|disregard|omit) (?:all|any|every|the) (?:negative|adverse|critical|unfavou?rable) (?:\w+ )?(?:indicators?|reviews?|comments?|feedback|information|results?|signals?|remarks?)\b",
    r"hidden (?:instructions?|directives?|commands?|prompts?)\s?: ",
    r"do not listen to (?:any|the|all) (?:of )?(?:the )?(?:previous|prior|above|earlier)\b",
    r"«(?:translate|decode|rot13|base64|decrypt)» .. (?:and|then) (?:then )?(?:comply|follow|obey|execute)",
    r"(?:execute|run|carry out|follow|obey) (?:the |any |all )?«(?:attached|embedded|hidden|encoded|decoded|following) (?:directives?|instructions?|commands?|payload)\b»",
    r"(?:you (?:must|shall|will)|always) (?:unconditionally |blindly |always )?«(?:comply with|obey) (?:all|any|every|my) (?:\w+ )?(?:requests?|orders?|commands?|instructions?)\b»",
    r"(?:and|,) do not use (?:any )?«other tools?\b»",
)

PATTERNS: tuple[Pattern, ...] = (*OVERRIDE, *ROLE, *LEAK, *CONCEALMENT, *AUTHORITY, *COERCION)
