"""What every dialect does alike on the wire, pure: paths, requests, what metadata says, answers out of their own bytes.

paths     one reading of a path, and the exact route table
requests  JSON bodies, query strings and headers, bounded and unambiguous
said      what a record's metadata says of it: claims, which can only lower
prose     every string of free-shaped JSON
splice    an answer out of the upstream's own bytes

Temporal graphs, for what speaks of facts, entities and episodes:

temporal     the times of a fact; what follows and what contradicts it
graph_items  items as candidates (`edge_rows`: a documented fact, in one go)
layouts      where memory stands in an answer, as data; reading by it
pieces       an answer as a tree over its own bytes; putting it together (`strikes`: what is over, out of summaries)
"""
