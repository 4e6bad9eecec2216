"""Back-ups that prove themselves: made in one snapshot, checked before they are kept, compared after they are restored.

A back-up is a directory: an archive of pg_dump for each database (`default.dump`, `logs.dump`), `manifest.json` with
the rows and a checksum of every table, and `SHA256SUMS` over both.
"""
