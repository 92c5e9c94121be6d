"""Stage `partition`: global arrays of an experiment go in, tiles of all PEs come out; and back, exactly.

One file for each way to place an axis on the mesh (`blocks`, `slabs`, `replicated`), the ring orders in `rings`,
zeros for what does not divide in `padding`, all of it put together in `tiles`. `stage` writes the files of the
workflow.
"""

from waferllm.partition.blocks import Blocks
from waferllm.partition.padding import pad, padded_length, unpad
from waferllm.partition.replicated import Replicated
from waferllm.partition.rings import members, positions
from waferllm.partition.slabs import Skewed, Slabs
from waferllm.partition.tiles import Mesh, Placement, Tile, join, split, tile_elements

__all__ = [
    "Blocks",
    "Mesh",
    "Placement",
    "Replicated",
    "Skewed",
    "Slabs",
    "Tile",
    "join",
    "members",
    "pad",
    "padded_length",
    "positions",
    "split",
    "tile_elements",
    "unpad",
]
