"""From model text to parameters."""
