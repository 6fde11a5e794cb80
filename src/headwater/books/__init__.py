"""The rows beside the zone, one package an engine; `queries` reads the named SQL that stands beside their code."""
