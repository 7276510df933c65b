"""Injection and exfiltration in Spanish, French, German, Portuguese and Italian. Rows carry no accents: text is folded."""

from firewall.core.signals.content.pattern import Pattern, phrases

SPANISH = (
    *phrases(
        "injection",
        "override",
        0.95,
        r"(?:ignor(?:a|e|ar|en|ad|es)|olvid(?:a|e|ar|ate|en|es)|descart(?:a|e|ar)|omit(?:e|a|ir)|desobedec(?:e|er)|anul(?:a|e|ar)|haz caso omiso|no (?:sigas|siga|hagas caso|obedezcas))"
        r" .. «(?:instruccion(?:es)?|indicacion(?:es)?|reglas|ordenes|directrices|restricciones|normas|directivas|avisos|politicas)»"
        r" .. (?:anterior(?:es)?|previ[ao]s?|precedentes?|arriba|del? sistema|iniciales?|originales?|recibidas?|de seguridad)",
        r"(?:ignor(?:a|e|ar|en)|olvid(?:a|e|ar|ate)|descart(?:a|e|ar)|omit(?:e|a|ir)|salta(?:te|r)) (?:de )?(?:tod[ao]s? )?(?:l[ao]s |tus |sus |mis |cualquier )?(?:anteriores |previas )"
        r"(?:instrucciones|reglas|ordenes|directrices|restricciones|indicaciones)",
        r"(?:ignor(?:a|e|ar|en)|olvid(?:a|e|ar|ate)|descart(?:a|e|ar)|desactiv(?:a|e|ar)|salta(?:te|r)) (?:de )?(?:tod[ao]s )?(?:tus |sus )(?:instrucciones|reglas|directrices|restricciones|normas|filtros)",
        r"(?:ignora|olvida|olvidate de) todo lo (?:anterior|que)",
    ),
    *phrases(
        "injection",
        "role_hijack",
        0.9,
        r"(?:eres|actua|actuas|finge|responde|comportate) .. «(?:sin (?:ningun[ao]? )?(?:restricciones|limites|filtros|reglas|censura)|modo (?:desarrollador|dios|administrador))»",
    ),
    *phrases(
        "injection",
        "prompt_leak",
        0.88,
        r"(?:revela|muestra|imprime|dime|repite|ensena|divulga)(?:me)? .. «(?:prompt|instrucciones|mensaje) (?:del? |de tu )?(?:sistema|ocult[ao]s?|inicial(?:es)?|secret[ao]s?|intern[ao]s?)»",
    ),
    *phrases(
        "injection",
        "concealment",
        0.88,
        r"(?:no (?:se )?(?:le )?(?:digas|diga|informes|informe|avises|avise|notifiques|notifique|cuentes|menciones)(?: nada| esto| de esto)?|sin (?:decirle|informar|avisar|notificar|que lo sepa)(?:le)?) .. «(?:usuario|usuaria|usuarios)»\b",
    ),
    *phrases(
        "exfiltration",
        "outward",
        0.9,
        r"(?:envi(?:a|e|ar|en)|reenvi(?:a|e|ar)|mand(?:a|e|ar)|sub(?:e|a|ir)|transfier(?:e|a)|filtr(?:a|e|ar)|copi(?:a|e|ar)) ... «(?:contrasenas?|credenciales|claves?|tokens?|secretos|datos (?:del?|de los|personales|privados|confidenciales)|conversaci(?:on|ones)|historial|informacion (?:confidencial|privada|personal))»"
        r" ... (?:https?://|\S+@\S+|extern[ao]|atacante|servidor|fuera)",
    ),
)

FRENCH = (
    *phrases(
        "injection",
        "override",
        0.95,
        r"(?:ignor(?:e|ez|er)|oubli(?:e|ez|er)|neglig(?:e|ez|er)|contourn(?:e|ez|er)|ecart(?:e|ez|er)|annul(?:e|ez|er)|ne (?:tiens|tenez) (?:pas |plus |aucun )?compte|ne (?:suis|suivez|respecte|respectez) (?:pas|plus)|fais abstraction|faites abstraction)"
        r" .. (?:instructions?|consignes?|regles?|directives?|ordres?|restrictions?|prompts?|invites?|messages?)"
        r" .. «(?:precedent(?:e|es|s)?|anterieur(?:e|es|s)?|ci-dessus|systeme|initiales?|d'origine|de securite|recues)»",
        r"(?:ignor(?:e|ez|er)|oubli(?:e|ez|er)|contourn(?:e|ez|er)|desactiv(?:e|ez|er)) (?:toutes? )?(?:tes|vos) (?:instructions|consignes|regles|directives|restrictions|filtres)",
        r"(?:oublie|oubliez|ignore|ignorez) tout ce qui precede",
    ),
    *phrases(
        "injection",
        "role_hijack",
        0.9,
        r"(?:tu es|vous etes|agis|agissez|fais semblant|comporte-toi|reponds) .. «(?:sans (?:aucune? )?(?:restrictions?|limites?|filtres?|regles?|censure)|mode (?:developpeur|dieu|administrateur))»",
    ),
    *phrases(
        "injection",
        "prompt_leak",
        0.88,
        r"(?:revele|revelez|montre|montrez|affiche|affichez|donne|donnez|repete|repetez|divulgue|divulguez)(?:-moi)? .. «(?:prompt|instructions?|consignes?|message) (?:de |du )?(?:systeme|cache(?:e|es)?|initial(?:e|es)?|secret(?:e|es)?|interne(?:s)?)»",
    ),
    *phrases(
        "injection",
        "concealment",
        0.88,
        r"(?:ne (?:le |lui )?(?:dis|dites|informe|informez|previens|prevenez|avertis|avertissez|mentionne|mentionnez|revele|revelez)(?: pas| rien| jamais)?|sans (?:le dire|informer|prevenir|avertir|en parler)) .. «l'utilisat(?:eur|rice)»",
        r"(?:n'informe[zr]?|n'avertis(?:sez)?|n'en parle[zr]?) (?:pas|jamais) .. «l'utilisat(?:eur|rice)»",
    ),
    *phrases(
        "exfiltration",
        "outward",
        0.9,
        r"(?:envo(?:ie|yez|yer)|transm(?:ets|ettez|ettre)|transfer(?:e|ez|er)|copi(?:e|ez|er)|televers(?:e|ez|er)|exfiltr(?:e|ez|er)) ... «(?:mots? de passe|identifiants|cles?|jetons?|secrets?|donnees|conversations?|historique|informations? (?:confidentielles?|privees?|personnelles?))»"
        r" ... (?:https?://|\S+@\S+|externe|attaquant|pirate|serveur|exterieur)",
    ),
)

GERMAN = (
    *phrases(
        "injection",
        "override",
        0.95,
        r"(?:ignorier(?:e|en|t)?|vergiss|vergesst|vergessen sie|missachte[nt]?|umgehe?n?|uberschreibe?n?|ubergehe?n?|verwirf|befolge nicht|beachte nicht)"
        r" .. (?:vorherige[nrs]?|vorangegangene[nrs]?|bisherige[nrs]?|obige[nrs]?|fruhere[nrs]?|vorige[nrs]?|ursprungliche[nrs]?|deine[nr]?|ihre|alle vorigen|system)"
        r" .. «(?:anweisung(?:en)?|instruktion(?:en)?|regeln?|befehle?|vorgaben?|richtlinien?|einschrankungen?|aufforderungen|sicherheits[a-z]|system-?prompts?|systemanweisungen)»",
        r"«(?:ignoriere|vergiss|missachte) alles» .. (?:davor|bisher|oben|zuvor|vorher|gesagt)",
    ),
    *phrases(
        "injection",
        "role_hijack",
        0.9,
        r"(?:du bist|sie sind|agiere|handle|verhalte dich|tu so|antworte) .. «(?:ohne (?:jegliche |jede |alle )?(?:einschrankung(?:en)?|regeln|filter|grenzen|zensur|beschrankungen)|(?:entwickler|gott|administrator)-?modus)»",
    ),
    *phrases(
        "injection",
        "prompt_leak",
        0.88,
        r"(?:zeige?|verrate?|gib|nenne|enthulle|offenbare|wiederhole|drucke)n? .. «(?:system-?prompt|systemanweisung(?:en)?|systemnachricht|(?:geheime|versteckte|interne|ursprungliche)n? (?:anweisung(?:en)?|instruktionen|prompts?))»",
    ),
    *phrases(
        "injection",
        "concealment",
        0.88,
        r"(?:sage?n?(?: sie)?|informiere?n?(?: sie)?|erzahle?n?(?: sie)?|teile?n?|verrate?n?(?: sie)?|benachrichtige?n?) .. «(?:dem|den|der) (?:be)?nutzer(?:in|n)?» .. (?:nichts|nicht|niemals|nie)\b",
        r"«ohne (?:den|dem|dass der|die) (?:be)?nutzer(?:in)?» .. (?:informieren|benachrichtigen|sagen|wissen|weiss|merkt|erfahrt|fragen|zu informieren|davon)",
    ),
    *phrases(
        "exfiltration",
        "outward",
        0.9,
        r"(?:sende|senden sie|schicke?|schicken sie|leite|leiten sie|ubermittle|ubertrage|lade|kopiere) ... «(?:passwort|zugangsdaten|anmeldedaten|schlussel|api-?keys?|tokens?|geheimnisse|nutzerdaten|benutzerdaten|kundendaten|gesprachsverlauf|unterhaltung(?:en)?|vertrauliche|personliche\w* daten)»\w*"
        r" ... (?:https?://|\S+@\S+|externe[nrsm]?|angreifer|server|aussen)",
    ),
)

PORTUGUESE = (
    *phrases(
        "injection",
        "override",
        0.95,
        r"(?:ignor(?:e|a|ar|em)|esque(?:ca|ce|cer|cam)|desconsider(?:e|a|ar|em)|desrespeit(?:e|ar)|descart(?:e|ar)|anul(?:e|ar)|nao (?:siga|obedeca))"
        r" .. «(?:instruc(?:ao|oes)|regras?|ordens|diretrizes|restric(?:ao|oes)|orientacoes|comandos|politicas)»"
        r" .. (?:anterior(?:es)?|previ[ao]s?|acima|precedentes?|do sistema|iniciais|originais|recebidas|de seguranca)",
        r"(?:ignor(?:e|a|ar|em)|esque(?:ca|ce|cer)|desconsider(?:e|a|ar)|desativ(?:e|ar)) (?:tod[ao]s )?(?:as |os )?(?:suas|tuas|seus|anteriores) (?:instrucoes|regras|diretrizes|restricoes|filtros|ordens)",
        r"«(?:ignore|esqueca|desconsidere) tudo o que» .. (?:antes|acima|dito|disse|foi)",
        r"nova instrucao: ",
    ),
    *phrases(
        "injection",
        "role_hijack",
        0.9,
        r"(?:voce e|voce agora e|tu es|aja|atue|finja|responda|comporte-se|mude) .. «(?:sem (?:nenhuma? |quaisquer )?(?:restric(?:ao|oes)|limites|filtros|regras|censura)|modo (?:desenvolvedor|deus|administrador))»",
    ),
    *phrases(
        "injection",
        "prompt_leak",
        0.88,
        r"(?:revele|mostre|imprima|diga|repita|exiba|divulgue)(?:-me)? .. «(?:prompt|instrucoes|mensagem) (?:do |de )?(?:sistema|ocult[ao]s?|inicia(?:l|is)|secret[ao]s?|intern[ao]s?)»",
    ),
    *phrases(
        "injection",
        "concealment",
        0.88,
        r"(?:nao (?:diga|conte|informe|avise|notifique|mencione|revele)(?: nada| isso| isto| nada disso)?|sem (?:informar|avisar|notificar|dizer|contar)) .. «usuari[ao]s?\b»",
    ),
    *phrases(
        "exfiltration",
        "outward",
        0.9,
        r"(?:envi(?:e|a|ar|em)|encaminh(?:e|ar)|mand(?:e|ar)|transfira|copi(?:e|ar)|carregue|extraia) ... «(?:senhas?|credenciais|chaves?|tokens?|segredos?|dados|conversas?|historico|informac(?:ao|oes) (?:confidencia(?:l|is)|privadas?|pessoa(?:l|is)))»"
        r" ... (?:https?://|\S+@\S+|extern[ao]|atacante|servidor|hacker|fora)",
    ),
)

ITALIAN = (
    *phrases(
        "injection",
        "override",
        0.93,
        r"(?:ignora(?:re|te)?|dimentica(?:re|te)?|trascura(?:re)?|non seguire) .. «(?:istruzion[ei]|regole|ordini|direttive|restrizioni|indicazioni)» .. (?:precedent[ei]|sopra|di sistema|iniziali|originali|di sicurezza)",
        r"(?:ignora|dimentica) (?:tutte )?(?:le )?(?:tue|precedenti) (?:istruzioni|regole|direttive|restrizioni)",
    ),
    *phrases(
        "injection",
        "concealment",
        0.86,
        r"(?:non (?:dire|informare|avvisare|rivelare|menzionare)(?: nulla| niente| questo)?|senza (?:dirlo|informare|avvisare)) .. «utente\b»",
    ),
)

PATTERNS: tuple[Pattern, ...] = (*SPANISH, *FRENCH, *GERMAN, *PORTUGUESE, *ITALIAN)
