"""What figures and report share: numbers, words, labels, which row counts."""
