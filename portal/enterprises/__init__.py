"""Caring enterprises: registration, vetting, their standing."""
