"""Revisions of the webhooks' tables."""
