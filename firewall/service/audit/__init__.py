"""Looking back: flight recorder, decision reports, snapshot. Read-only; recorded guides win over what a host hands back."""
