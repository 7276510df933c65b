"""What becomes of a write in which something was found: the policy's word by family, the most severe one counts.

do_not_use         `surfaces.write.do_not_use`; in modes strict and firewall nothing of it is stored
inspect_before_use `surfaces.write.inspect`

What could not be judged is refused, unless the policy has another word for it.
"""

from collections.abc import Iterable, Mapping

from firewall.core.model import Action, Family, Finding, Mode, Rank


class WriteAction(Rank):
    """Lowest first. A marked write is stored and said so; a held one waits in memfw for a reviewer."""

    store = 0
    store_marked = 1
    hold = 2
    refuse = 3


def write_action(
    findings: Iterable[Finding],
    mode: Mode,
    do_not_use: Mapping[Family, WriteAction],
    inspect: Mapping[Family, WriteAction],
) -> WriteAction:
    """A family that a table does not name is stored, but for an error; what is strict refuses what it would not let be
    read."""
    word = WriteAction.store
    for finding in findings:
        if finding.action is Action.do_not_use:
            unsaid = WriteAction.refuse if finding.family is Family.error else WriteAction.store
            said = do_not_use.get(finding.family, unsaid)
            if mode is not Mode.standard and said < WriteAction.hold:
                said = WriteAction.refuse
        elif finding.action is Action.inspect_before_use:
            said = inspect.get(finding.family, WriteAction.store)
        else:
            continue
        word = max(word, said)
    return word
