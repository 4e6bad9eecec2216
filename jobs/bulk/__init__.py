"""Bulk operations: one act on all the jobs or dead letters of a selection, piece by piece, by a job of our own."""
