"""Postings, claims, deliveries and sign-offs: one aggregate under one lifecycle."""
