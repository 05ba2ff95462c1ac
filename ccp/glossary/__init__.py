"""The field's words beside ours: entries as data (`words.toml`), read and found. Sees nothing else of the package."""
