// Generation: see Documentation/Architecture.md.
