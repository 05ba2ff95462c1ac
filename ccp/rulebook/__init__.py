"""One clearing service's rules as frozen pydantic models, read from YAML.

`margin`, `stress`, `fund` and `tiers` hold the words a rulebook may use; `rulebook` the whole; `load` reads files
and writes the JSON Schema. Sees documents, money and errors only.
"""
