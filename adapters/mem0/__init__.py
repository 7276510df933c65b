"""Mem0: the hosted platform's wire (v1, v2, v3) and the open-source server's bare routes.

    routes    the tables, as data: class, planning and shape of every route
    filters   filter trees and Python literals -> whose rows may they ask for
    scope     the caller's pin joined with that, and how it is put upstream
    reads, writes, drafts   request -> plan
    listed, rows, records   rows -> candidates; `owners` says whose free-shaped JSON is
    answers, rebuild        answer -> candidates -> the caller's answer
    dialect   the port

Paths, bodies and what metadata says are read by `firewall.core.wire`, as for every dialect. The dialect is pure and
speaks the platform's shape upstream for the platform's routes, whatever the flavor is; the `oss_*` modules and `embedded`
carry that to a self-hosted server or an in-process Memory.
"""

from adapters.mem0.dialect import Mem0Dialect
from adapters.mem0.routes import Flavor, support_matrix

__all__ = ["Flavor", "Mem0Dialect", "support_matrix"]
