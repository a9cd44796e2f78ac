"""Drena: runs the integrations of many tenants and never lets a job get stuck."""

__version__ = "0.1.0"
