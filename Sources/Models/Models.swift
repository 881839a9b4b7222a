// Models: see Documentation/Architecture.md.
