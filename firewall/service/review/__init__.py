"""The quarantine and its review: what is held, who decides, and how it goes away again.

buffer      sightings on their way to the log, behind the answers; bounded
vault       the texts: concealed, apart from the chain, revealed to reviewers, erasable
room        what the review's use cases are given besides the desk
body, query, shown, cursor   what is asked and answered
listing     GET  /v1/quarantine, GET /v1/quarantine/{id}
deciding    POST /v1/quarantine/{id}/release | confirm | expire
bulk        POST /v1/quarantine/release | confirm | expire
sending     a held write that is released goes upstream, once
erasing     POST /v1/erase
tombstones  what says that it was done
chores      what is done behind the answers: tombstones of upstream deletes, notes that leave the queue by time

The log holds digests, reasons and names. Nothing here writes a text into an event, an error or a log line.
"""
