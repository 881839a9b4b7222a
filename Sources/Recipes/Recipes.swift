// Recipes: see Documentation/Architecture.md.
