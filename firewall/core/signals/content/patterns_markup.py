"""Forged prompt structure: chat templates, role tags and headers, and the section headers of memory prompts.

Ordinary HTML, XML, markdown headings and transcripts ("User: ... Assistant: ...") are none of it.
"""

from firewall.core.signals.content.pattern import Check, Pattern, exact

PATTERNS: tuple[Pattern, ...] = (
    *exact(
        "markup",
        "chat_template",
        0.9,
        Check.use,
        r"<\|(?:im_start|im_end|im_sep|system|user|assistant|developer|endoftext|begin_of_text|start_header_id|end_header_id|eot_id|eom_id|start|end|endofprompt|return|channel|message)\|>",
        r"\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<\|(?:begin|end)[^>|]{0,20}\|>|\[/?SYSTEM_PROMPT\]",
    ),
    *exact(
        "markup",
        "role_tag",
        0.85,
        Check.use,
        r"(?i)</?(?:system(?:[_-](?:prompt|message|instructions?|reminder|override|note))?|assistant|developer_message|sys)>",
        r"(?i)</?(?:function|tool)_(?:calls?|results?|response|output)>",
        r"(?i)</(?:memory|memories|retrieved_\w{1,20}|untrusted_\w{1,20}|user_(?:input|query|message|data)|external_\w{1,20}|context_data)>",
        r"(?i)\[/?(?:system|assistant|developer)(?: (?:prompt|message|override|note))?\](?:\s*:|\s*\[system\]|\()",
    ),
    *exact(
        "markup",
        "role_header",
        0.85,
        Check.use,
        r"(?i)(?:^|\n)[ \t>]*#+\s*(?:system|assistant|developer|instruction|human)(?: (?:prompt|message|override|instruction))?\s*:",
        r"(?i)(?:^|\n)[ \t>]*[-=*]{3,}\s*(?:(?:begin|start|end|new)(?: of)? )(?:the )?(?:system|developer|admin|user|hidden|retrieved|memory|context)[ _]?(?:prompt|message|instructions?|override|context|memory|memories|input|data)?\s*[-=*]{0,}",
    ),
    *exact(
        "markup",
        "prompt_structure_in_text",
        0.85,
        Check.use,
        r"(?i)(?:^|[\n\r])[ \t>*#]*(?:USE[_ ]NOW|DO[_ ]NOT[_ ]USE|INSPECT[_ ]BEFORE[_ ]USE|REHYDRATE(?:_\w{1,20})?|CURRENT_ACTIVE_PATH|FAILED_BRANCHES|KNOWN_FAILED_BRANCHES"
        r"|PASSED_SOLUTIONS|REHYDRATION_REFS|REFERENCE_ONLY_TARGETS|SUPPORTING_EVIDENCE|BLOCKED_DIRECTION_TARGETS|VERIFY_BEFORE_DONE|ACTIVE_TARGETS|PENDING_ARTIFACTS|ACCEPTANCE_CHECKS|RAW_EVIDENCE"
        r"|AIONIS_\w{1,40}|MEMORY_FIREWALL\w{0,20}|COUNTER[_ ]EVIDENCE)[ \t*]{0,4}:",
    ),
)
