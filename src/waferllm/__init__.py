"""waferllm: the study of LLM inference on a wafer (checkpoint to figures). Uses `wafersim` by its public names only."""
