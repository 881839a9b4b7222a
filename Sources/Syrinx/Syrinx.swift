// Syrinx: see Documentation/Architecture.md.
