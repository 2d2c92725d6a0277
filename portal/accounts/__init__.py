"""People, sign-in, sessions and the tree of union units."""
