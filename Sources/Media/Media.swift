// Media: see Documentation/Architecture.md.
