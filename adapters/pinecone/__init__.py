"""Pinecone over REST: the control plane, and the data plane of every index behind the same mount.

    routes    the table, as data: class, planning and shape of every route
    hosts     which index hosts may be asked, and the tokens that stand for them in our paths
    bodies    JSON of which the bytes go on
    plans     the pin: index and namespace, and what every plan carries
    reads, writes    request -> plan
    texts, rows      row -> candidate
    answers, rebuild, control    answer -> candidates -> the caller's answer
    refusals  errors in the vendor's shapes
    dialect   the port

gRPC is not spoken: a client of it is told to use the REST client.
"""

from adapters.pinecone.dialect import PineconeDialect
from adapters.pinecone.hosts import public_base_problem
from adapters.pinecone.routes import support_matrix
from adapters.pinecone.texts import DEFAULT_TEXT_KEYS

__all__ = ["DEFAULT_TEXT_KEYS", "PineconeDialect", "public_base_problem", "support_matrix"]
