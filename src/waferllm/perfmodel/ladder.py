"""Ladder on the wafer, modelled as the paper describes it: a compiler for cores with one shared memory.

It tiles each operator as for a GPU: a core loads the tiles that it needs from the shared memory and stores its result
there. On the wafer that memory is the memories of all PEs, so that a load is a message to the PE that has the tile and
one back. Assumptions; no cost in them is fitted to a published number:

* A step waits for the longest way, from corner to corner: 2 P hops. No routes can be set up between all pairs (PLMR's
  R), so that every PE on the way takes the message in and sends it on: PLMR's beta, and two cycles a word.
* A PE asks for one operand after the other and waits: it has one thread of scalar code.
* A tile that the P PEs of a row or column need is asked for P times (no multicast): the one that has it answers P
  times, beta each.
* GEMV: the weights' tile is loaded by one PE only; the vector's by P; P PEs store their sums where the result is.
* Other sums (norms, softmax): stored there by P PEs, then loaded.
* The local work is that of our kernels.

    prefill, a layer   sum over 9 products  P (2 (4 P beta + P beta) + 4 P (a + b)) + multiplications
    decode, a layer    9 (4 + 5 + 3) P beta + 4 P a of all products + 4 (3 + 4) P beta + local work
"""

from __future__ import annotations

from waferllm.llm.shape import Shape
from waferllm.perfmodel.costs import costs
from waferllm.perfmodel.decode import local_cycles
from waferllm.perfmodel.operators import OTHER_SUMS, PASSED_ON, products, software_stage


def load(side: int, words: float, shared: bool, beta: float) -> float:
    """A request over the longest way, the answer with so many words; `shared`: P PEs ask for the same."""
    way = 2 * side
    return 2 * way * beta + way * PASSED_ON * words + (side * beta if shared else 0)


def store(side: int, beta: float) -> float:
    """A sum over the longest way to where P PEs send theirs."""
    return 2 * side * beta + side * beta


def prefill_cycles(shape: Shape, arch: str, length: int) -> float:
    """All layers of a prompt."""
    cost, side = costs(arch), shape.width
    beta, layer = software_stage(cost), 0.0
    for product in products(shape.config, length, length):
        step = sum(load(side, words, True, beta) for words in product.words(side))
        layer += side * step + product.multiply(side, cost)
    return shape.config.layers * layer


def decode_cycles(shape: Shape, arch: str, cached: int) -> float:
    """A token with so many before it."""
    side = shape.width
    beta, layer = software_stage(costs(arch)), 0.0
    for product in products(shape.config, 1, cached + 1):
        vector, weights = product.words(side)
        layer += load(side, weights, False, beta) + load(side, vector, True, beta) + store(side, beta)
    layer += OTHER_SUMS * (store(side, beta) + load(side, 1, False, beta))
    return shape.config.layers * layer + local_cycles(shape, arch, cached)
