"""The file door: from any export to validated, scored clients, with every problem and exclusion accounted for."""
