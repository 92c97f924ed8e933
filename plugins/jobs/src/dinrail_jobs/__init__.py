"""Work that outlives a request and a process, done in steps over the database."""
