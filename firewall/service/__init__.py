"""The use cases, one family a package; no HTTP types, nothing of a vendor.

desk        what every use case is given, and what it gives back
identity    who a request speaks for: viewer, writer, role
strict_body bodies: exactly the fields of a model, every problem at once
govern, guide, evidence, learning, audit   the families
recorder    what is written behind the answer
review      the quarantine: what is held, and what people say of it
"""
