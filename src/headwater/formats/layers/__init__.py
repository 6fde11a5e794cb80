"""Compressions and archives, and the bytes inside them."""
