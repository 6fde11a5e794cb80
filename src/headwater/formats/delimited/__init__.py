"""Delimited and fixed-width text, and text that is neither: dialect, header, footer, rows, wholeness."""
