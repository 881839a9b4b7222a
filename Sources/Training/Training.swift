// Training: see Documentation/Architecture.md.
