"""Evidence in and out: observe, handoff, resolve, rehydrate, forget. `shelf` is the one way to look for what is kept."""
