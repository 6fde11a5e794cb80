"""What is recognised and not looked into: magic numbers, and how texts of computers begin."""
