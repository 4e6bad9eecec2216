"""Bringing jobs into the search engine: changes, deletions, whole new indexes, and proof that nothing is missing."""
