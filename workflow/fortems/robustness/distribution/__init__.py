"""Do the data look as the model has them, and what does each departure do to the interval that the report relies on?"""
