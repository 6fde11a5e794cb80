"""Headwater: where data begins."""
