"""What a study of this size can prove: diagnosticity, power, coverage and recovery by simulation.

``tasks`` cuts the work into blocks and puts the sums together; each part (``diagnosticity, power, coverage,
recovery``) says what its blocks are, runs one, and makes its tables.
"""
