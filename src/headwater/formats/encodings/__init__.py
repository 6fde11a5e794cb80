"""How text is written: encodings found, decoded, read in even blocks."""
