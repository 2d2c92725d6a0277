"""Public tallies: drafted, checked, published by a second person, frozen. Never sees a file."""
