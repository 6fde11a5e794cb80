"""What values can be read as, and what is counted of a column."""
