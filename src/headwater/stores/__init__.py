"""Where the bytes of a zone lie: a directory of one machine, or a bucket."""
