// Processors: see Documentation/Architecture.md.
