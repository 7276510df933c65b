"""What every dialect does alike on the wire, pure: paths, requests, what metadata says, answers out of their own bytes.

paths     one reading of a path, and the exact route table
requests  JSON bodies, query strings and headers, bounded and unambiguous
said      what a record's metadata says of it: claims, which can only lower
prose     every string of free-shaped JSON
splice    an answer out of the upstream's own bytes
"""
