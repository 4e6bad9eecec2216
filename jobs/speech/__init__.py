"""Podcasts: scripts, who speaks them, and where the files are."""
