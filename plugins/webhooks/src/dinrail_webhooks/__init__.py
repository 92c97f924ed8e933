"""Webhooks: endpoints that are told of events."""
