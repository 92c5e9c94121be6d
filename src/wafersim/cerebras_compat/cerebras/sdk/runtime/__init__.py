"""Import names of the SDK (see `wafersim/cerebras_compat`)."""
