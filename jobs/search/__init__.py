"""Searching jobs: one query language, answered by Elasticsearch or OpenSearch, and by PostgreSQL when that is away."""
