// Tokenizers: see Documentation/Architecture.md.
