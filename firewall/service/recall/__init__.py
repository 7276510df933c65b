"""Several upstreams at once: `POST /v1/recall`, one question judged as one answer; `GET /v1/upstreams`, what there is."""
