"""Programs for those who work on Dinrail; nothing of this is installed with it."""
