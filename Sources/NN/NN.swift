// NN: see Documentation/Architecture.md.
