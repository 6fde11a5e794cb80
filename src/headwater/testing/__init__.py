"""What Headwater ships for tests: stand-ins that are stricter than the real thing and can be told to fail."""
