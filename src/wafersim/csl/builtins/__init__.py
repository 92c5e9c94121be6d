"""The builtins, `@name(...)`: each module registers its own in a table (see `registry`)."""
