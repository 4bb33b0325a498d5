"""Models with measurement error: latent, corrected, confirmatory."""
