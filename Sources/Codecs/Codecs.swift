// Codecs: see Documentation/Architecture.md.
