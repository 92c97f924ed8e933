"""Databricks Model Serving."""
