"""The query language: what is typed, the typed tree that it means, and the readers of that tree."""
