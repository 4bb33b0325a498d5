"""The likelihood of a two-level model, complete and incomplete data, and its derivatives."""
