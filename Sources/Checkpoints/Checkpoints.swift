// Checkpoints: see Documentation/Architecture.md.
