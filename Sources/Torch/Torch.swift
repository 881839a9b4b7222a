// Torch: see Documentation/Architecture.md.
