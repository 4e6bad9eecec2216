"""What workers in other languages do, who reach the queue over HTTP: the same moves, by the same SQL functions."""
