"""T10 on the wafer, modelled as the paper describes it: a compiler for cores behind a crossbar.

It splits operators over all cores and lets tiles rotate (compute-shift), as MeshGEMM does. But behind a crossbar all
cores are equally near, so that the order of its rings has nothing to do with the mesh. Assumptions; no cost in them is
fitted to a published number:

* Rings follow the line: neighbours are one hop apart, the last and the first one P - 1. A step waits for the longest
  way.
* For the way back around there are no routes left (PLMR's R: fewer colors than pairs that talk): each PE on it takes
  the message in and sends it on. That is a stage of PLMR's beta, and two cycles a word.
* Both operands rotate, one after the other: a PE has one thread of scalar code.
* Sums of decode go from neighbour to neighbour down the line and back (routes are there), without trees.
* The local work is that of our kernels.

    prefill, a layer   sum over 9 products  P (P - 1) (2 beta + 2 (a + b)) + multiplications     a, b: words of a tile
    decode, a layer    13 sums of 2 (P - 1) stages and 2 n words + multiplications and vector operations
"""

from __future__ import annotations

from waferllm.llm.shape import Shape, parts
from waferllm.perfmodel.costs import costs
from waferllm.perfmodel.decode import local_cycles
from waferllm.perfmodel.operators import OTHER_SUMS, PASSED_ON, products, software_stage


def prefill_cycles(shape: Shape, arch: str, length: int) -> float:
    """All layers of a prompt."""
    cost, side = costs(arch), shape.width
    layer = 0.0
    for product in products(shape.config, length, length):
        shift = 2 * software_stage(cost) + PASSED_ON * sum(product.words(side))
        layer += side * (side - 1) * shift + product.multiply(side, cost)
    return shape.config.layers * layer


def decode_cycles(shape: Shape, arch: str, cached: int) -> float:
    """A token with so many before it."""
    cost, side = costs(arch), shape.width
    there_and_back = 2 * (side - 1) * cost.stage
    numbers = sum(parts(product.columns, side) for product in products(shape.config, 1, cached + 1)) + OTHER_SUMS
    sums = (len(products(shape.config, 1, cached + 1)) + OTHER_SUMS) * there_and_back + 2 * numbers
    return shape.config.layers * sums + local_cycles(shape, arch, cached)
