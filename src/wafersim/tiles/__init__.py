"""Values of many tiles at once, kept as columns: no Python object a tile."""
