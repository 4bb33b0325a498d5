"""Standard errors, intervals, fit indices and the tables that show them."""
