"""The figures: each drawn from the CSV that lies beside it, with a text alternative and a reading."""
