"""Tables of the scores: correlations, intraclass correlations, descriptives, reliability."""
