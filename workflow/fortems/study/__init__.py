"""What the study is: variables, instruments, scoring, models."""
