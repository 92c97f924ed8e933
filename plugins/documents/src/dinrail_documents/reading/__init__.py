"""What reads documents, in a child process: nothing here runs in the server's own."""
