"""What is asked of a fit: profiles, nested tests, resampling, summary."""
