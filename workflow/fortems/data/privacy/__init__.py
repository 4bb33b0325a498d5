"""What may leave the owner's machine, and what may not."""
