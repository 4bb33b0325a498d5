"""What archives, data editors and readers are told of the package: generated from what it is, never typed twice."""
