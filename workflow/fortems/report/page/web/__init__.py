"""What the page has beyond the printed report: data behind each number, drawings in line, cards, explorers, a strict policy."""
