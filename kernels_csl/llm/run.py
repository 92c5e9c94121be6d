"""Host program of a model on the wafer: copies the model in, then answers what it is asked. Python 3.8 syntax.

    cs_python run.py --name OUT --tiles tiles.npz [--cmaddr IP:PORT]

tiles.npz: an array [height, width, n] for each of what layout.csl exports to be filled (PE order [py, px]).

Each line of the standard input is a command, each line of the standard output that begins with { an answer, in JSON:

    reset POSITION    an empty KV cache; tokens from this position on are concatenated instead of shifted
    every answer has the "seconds" of processor time that it took here
    decode TOKEN      {"next": token, "cycles": cycles on PE (0, 0)}, with "parts" where compiled with timed = 1:
                      cycles of each part (pe.csl), mean of all PEs
    prompt TOKEN ..   the same for a prompt after a reset: all of its tokens at once, where compiled with rows > 0
    restore FILE    {"restored": tokens}: after a reset, the cache that `save` has written
    save FILE         {"saved": FILE}: logits [words], keys [height, width, layers, n, slots],
                      values [height, width, layers, slots, n], position [height, slots], count [height]
"""

import argparse
import json
import math
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import host
import numpy as np
from cerebras.sdk.runtime.sdkruntimepybind import SdkRuntime
from host import Array

PARTS = 7  # with rows > 0 one more, the transition

def inputs(p):
    """What the model's tensors and tables lie in."""
    columns = 2 * p["pairs"]
    q = p["group"] * columns
    qkv = q + 2 * columns
    biases = (qkv if p["qkv_bias"] else 0) + (p["Et"] if p["o_bias"] else 0)
    layer = p["Et"] * (2 + qkv + q + 3 * p["Ft"]) + biases
    found = [
        Array("weights", np.float16, p["layers"] * layer + p["Et"]),
        Array("embedding", np.float16, p["Et"] * p["Vt"]),
        Array("angles", np.float32, p["slots"] * columns),
        Array("constants", np.float32, 4),
    ]
    return found if p["tied"] else found + [Array("output", np.float16, p["Et"] * p["Vt"])]


def prompt_weights(p):
    """The weights as prefill wants them, see ../lib/llm/sections.csl; not stored under this name on the PEs."""
    steps = math.gcd(p["width"], p["height"])
    along_x, along_y = p["height"] // steps, p["width"] // steps
    q = p["group"] * 2 * p["pairs"]
    qkv = q + 4 * p["pairs"]
    embed, ffn, heads = p["Et"] // along_y * along_x, p["Ft"] // along_x * along_y, -(-q // along_x) * along_y
    biases = (qkv if p["qkv_bias"] else 0) + (embed if p["o_bias"] else 0)
    layer = p["Et"] * (qkv + 2 * p["Ft"]) + embed * (2 + heads + ffn) + biases
    return Array("prompt_weights", np.float16, p["layers"] * layer)


class Session:
    """A model on the machine."""

    def __init__(self, args):
        with open(args.name + "/out.json", encoding="utf-8") as file:
            self.params = {key: int(value) for key, value in json.load(file)["params"].items()}
        for name, value in (("qkv_bias", 0), ("o_bias", 0), ("tied", 1), ("rows", 0), ("block", 0), ("timed", 0)):
            self.params.setdefault(name, value)
        self.mesh = self.params["height"], self.params["width"]
        self.weights = []
        arrays = inputs(self.params)
        if self.params["rows"] and self.mesh[0] != self.mesh[1]:
            self.weights = [arrays[0], prompt_weights(self.params)]
            self.tiles = host.load_tiles(args.tiles, self.weights, self.mesh)
        tiles = host.load_tiles(args.tiles, arrays, self.mesh)
        self.runner = SdkRuntime(args.name, cmaddr=args.cmaddr)
        self.runner.load()
        self.runner.run()
        for array, tile in zip(arrays, tiles):
            host.copy_in(self.runner, self.mesh, array, tile)

    def reset(self, position):
        self.runner.launch("reset", np.uint16(position), nonblock=False)
        return {"reset": position}

    def decode(self, token):
        self.runner.launch("decode", np.uint32(token), nonblock=False)
        return {**self.following(), **self.parts()}

    def parts(self):
        if not self.params["timed"]:
            return {}
        cycles = host.copy_out(self.runner, self.mesh, Array("parts", np.uint32, PARTS + bool(self.params["rows"])))
        return {"parts": [round(float(mean), 1) for mean in cycles.mean((0, 1))]}

    def prompt(self, tokens):
        """The parts are those of the layers; the cycles too (with the transition), of blocks those of all launches."""
        self.runner.launch("begin", np.uint16(len(tokens)), nonblock=False)
        block = self.params["block"] or len(tokens)
        cycles, parts = 0, []
        for first in range(0, len(tokens), block):
            for token in tokens[first : first + block]:
                self.runner.launch("push", np.uint32(token), nonblock=False)
                cycles += self.cycles()
            self.put_weights(1)
            self.runner.launch("prefill", nonblock=False)
            layers = self.cycles()
            cycles += layers
            parts.append(self.parts().get("parts", []))
        self.put_weights(0)
        self.runner.launch("choose_next", nonblock=False)
        answer = self.following()
        answer["cycles"] = cycles + answer["cycles"] if self.params["block"] else layers
        if self.params["timed"]:
            answer["parts"] = [sum(part) for part in zip(*parts)]
        return answer

    def put_weights(self, which):
        """Of decode (0) or prefill (1), where the PEs cannot exchange them."""
        if self.weights:
            target = Array("weights", np.float16, self.weights[which].count)
            host.copy_in(self.runner, self.mesh, target, self.tiles[which])

    def following(self):
        return {"next": int(self.first("next", np.uint32, 1)[0]), "cycles": self.cycles()}

    def cycles(self):
        """Of the last launch, on PE (0, 0)."""
        times = self.first("times", np.uint16, 6).reshape(2, 3).astype(np.int64) @ np.array([1, 1 << 16, 1 << 32])
        return int(times[1] - times[0])

    def first(self, name, dtype, count):
        """An array of PE (0, 0)."""
        return host.copy_out(self.runner, (1, 1), Array(name, dtype, count))[0, 0]

    def save(self, path):
        p = self.params
        n, layers, slots = 2 * p["pairs"], p["layers"], p["slots"]
        logits = host.copy_out(self.runner, (1, p["width"]), Array("logits", np.float32, p["Vt"]))
        keys = host.copy_out(self.runner, self.mesh, Array("keys", np.float16, layers * n * slots))
        values = host.copy_out(self.runner, self.mesh, Array("values", np.float16, layers * n * slots))
        position = host.copy_out(self.runner, (p["height"], 1), Array("position", np.uint16, slots))
        count = host.copy_out(self.runner, (p["height"], 1), Array("count", np.uint16, 1))
        np.savez(
            path, logits=logits.reshape(-1)[: p["vocab"]], position=position[:, 0], count=count[:, 0, 0],
            keys=keys.reshape(self.mesh + (layers, n, slots)), values=values.reshape(self.mesh + (layers, slots, n)),
        )
        return {"saved": path}

    def restore(self, path):
        """After a reset: the cache that `save` has written."""
        with np.load(path) as saved:
            state = {name: saved[name] for name in ("keys", "values", "position", "count")}
        for name in ("position", "count"):  # the same in all columns
            state[name] = np.repeat(state[name].reshape(self.mesh[0], 1, -1), self.mesh[1], axis=1)
        for name, values in state.items():
            host.copy_in_16(self.runner, self.mesh, name, values)
        length = int(state["count"][:, 0].sum())
        self.runner.launch("restore", np.uint16(length), nonblock=False)
        return {"restored": length}

    def answer(self, line):
        word, _, argument = line.strip().partition(" ")
        if word == "restore":
            return self.restore(argument)
        if word == "save":
            return self.save(argument)
        if word == "prompt":
            return self.prompt([int(token) for token in argument.split()])
        if word in ("reset", "decode"):
            return getattr(self, word)(int(argument))
        raise SystemExit("unknown command '{}', expected reset, decode, prompt, save or restore".format(word))


def main():
    parser = argparse.ArgumentParser(description="Runs a model on the wafer; commands come on the standard input.")
    parser.add_argument("--name", required=True, help="folder that cslc wrote")
    parser.add_argument("--tiles", required=True, help=".npz file with the tiles of the model")
    parser.add_argument("--cmaddr", help="IP:port of a system; the simulator without it")
    session = Session(parser.parse_args())
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        if line.strip():
            begin = time.process_time()
            answer = session.answer(line)
            print(json.dumps({**answer, "seconds": round(time.process_time() - begin, 2)}), flush=True)
    session.runner.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
