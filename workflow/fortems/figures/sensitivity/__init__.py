"""What it would take to overturn the effects, and what the posterior says of them."""
