"""A model on the wafer: how its tensors lie on the PEs, and a generator that runs the kernels of kernels_csl/llm."""
