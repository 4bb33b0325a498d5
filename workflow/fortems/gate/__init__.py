"""What must hold before anything is typeset."""
