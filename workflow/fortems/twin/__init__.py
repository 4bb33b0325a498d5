"""A synthetic twin of own data: a made-up file of the same columns, from what a run tells and nothing else."""
