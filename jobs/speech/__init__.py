"""Scripts made into audio."""
