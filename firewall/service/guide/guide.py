"""`POST /v1/guide`: what an agent is told before its next step.

    sources (concurrently, bounded) -> recall -> adjudicate, all together -> admission -> prompt and context -> exposure

The exposure is an event of the log and the only ground for later feedback. A guide is a read all the same: where the
log takes no event it answers without attribution, unless the caller asked for the operation to be remembered.
"""

import msgspec

from firewall.errors import StateError
from firewall.service.desk import Call, Desk, Reply, Work, operation_of, read_reply
from firewall.service.guide.answer import NoAttribution
from firewall.service.guide.body import GuideBody
from firewall.service.guide.served import answer_of, exposed_by
from firewall.service.guide.sources import pull
from firewall.service.guide.work import ROUTE, asked_of, guided_by
from firewall.service.strict_body import decode, validated


async def guide(desk: Desk, call: Call) -> Reply:
    """Tell an agent what is known. CallerError: 400, 403, 409; StateError where the scope cannot be served."""
    decoded = decode(call.raw)
    body = validated(GuideBody, decoded)
    key = call.key(body.tenant_id, body.scope)
    asked = asked_of(body, key, call)
    operation = operation_of(key, call, ROUTE, body.operation_id, decoded)
    done = await desk.before(operation)
    if done is not None:
        return done
    pulled = await pull(
        desk.sources,
        body.sources,
        body.query_text,
        principal=call.principal,
        limit=body.limit,
        owners=body.source_owners,
    )
    guided = await guided_by(desk, asked, pulled, await desk.state(key, after=call.after))
    exposed = exposed_by(asked, guided, desk.policy())
    answer = answer_of(asked, guided, exposed)
    try:
        return await desk.store(key, Work([exposed], answer), operation)
    except StateError:
        if operation is not None:
            raise
        return read_reply(msgspec.structs.replace(answer, feedback_attribution_v1=NoAttribution()))
