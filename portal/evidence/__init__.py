"""What happened: the reading of the event log."""
