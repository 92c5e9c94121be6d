"""The one walk over the AST: evaluate what is known, type the rest and emit IR for it."""
