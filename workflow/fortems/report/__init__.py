"""The manuscript: numbers bound to results, sentences that follow from them, tables, three formats."""
