// Digests: see Documentation/Architecture.md.
