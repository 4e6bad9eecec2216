"""`manage.py doctor`: looks at what goes wrong with time, and says what to do. It changes nothing."""
