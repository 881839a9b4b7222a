// DataPipeline: see Documentation/Architecture.md.
