"""The search engine as seen from here: a thin client of the few endpoints that are used, for both products."""
