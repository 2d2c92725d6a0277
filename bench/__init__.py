"""Figures of speed: `make bench` measures the portal beside plain programs of the same work and writes docs/figures.md."""
