"""Evaluations that anyone can run on their own notes: `memfw eval execution FILE`."""
