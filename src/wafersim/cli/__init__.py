"""Commands: parse arguments, resolve them once into frozen settings, call `driver` or `runtime`."""
