"""Text in, Storyboard out: reads YAML, checks it, expands it and compiles it; does no I/O."""
