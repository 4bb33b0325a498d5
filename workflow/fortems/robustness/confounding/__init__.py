"""What it would take to overturn an indirect effect: unmeasured confounders, a common factor of ratings, dropout."""
