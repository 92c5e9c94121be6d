"""Models: a name or a path goes in, configuration, tensors and tokenizer come out.

`config` what a model is, `tensors` the names and shapes of its weights (the one convention that kernels, partition and
references share), `rope` its rotation frequencies, `known` the models by name, `checkpoint/` the readers, `tokenizer`
and `chat` text to tokens and back, `memory` bytes a PE.
"""
