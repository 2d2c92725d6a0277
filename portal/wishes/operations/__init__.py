"""What is done to wishes and packs: one module for each activity, one transaction and one event for each operation."""
