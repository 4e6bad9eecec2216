"""`manage.py bench`: what the queue does on this machine and database, beside what bare SQL does."""
