"""The console's pages of figures: what is asked for on top, then charts, then the numbers as tables."""
