"""Files of any kind to one table of texts."""
