"""Responses: lets models answer, runs the tools that they call, and keeps what came of it."""
