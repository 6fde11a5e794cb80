"""How engines read what was found: calls as values, and as text."""
