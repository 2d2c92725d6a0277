"""The demo campaign: real published wishes around invented people, units and enterprises."""
