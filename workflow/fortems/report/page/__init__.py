"""From text and tables to HTML, PDF and Word."""
