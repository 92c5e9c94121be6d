"""Checkpoints: a name or a path goes in, configuration, weights and tokenizer come out, all in one convention.

One file for each format: `huggingface` (a folder with config.json and safetensors), `gguf_file`, `tiny` (made here from
a seed). `assemble` brings foreign names, orientations and RoPE layouts to those of `waferllm.model.tensors` and refuses
what does not match; `sources` knows models by name.
"""

from waferllm.model.checkpoint.assemble import Checkpoint
from waferllm.model.checkpoint.sources import config_of, load, names

__all__ = ["Checkpoint", "config_of", "load", "names"]
