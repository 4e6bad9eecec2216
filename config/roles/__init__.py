"""The database's own roles: which there are, what each may do, and how they are made so."""
