"""Runpod Serverless."""
