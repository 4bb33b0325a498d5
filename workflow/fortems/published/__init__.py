"""The article's own numbers: its matrix re-analysed, each published value compared."""
