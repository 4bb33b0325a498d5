"""The article's own figures: its first page's strip, the assumed causal diagram, the paths of its models together."""
