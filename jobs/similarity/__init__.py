"""Which stored articles are about the same, and which contain what is searched for."""
