"""The relational store: SQLite on one machine, PostgreSQL for many."""
