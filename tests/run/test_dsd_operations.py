"""Every DSD operation from CSL to memory: a small program on one PE, random and special data, exact references."""

from __future__ import annotations

import random

import numpy as np
import pytest
from support.exact import F16, F32
from support.run_csl import OnePe
from support.samples import INTEGERS, random_patterns, specials
from support.vecops import reference

from wafersim.ir.ops import VECOPS

LENGTH = 60
CSL_TYPES = {"x16": "u16", "x32": "u32"}
SCALAR_ONLY = {"fnormh", "fnorms", "fscaleh", "fscales"}
"""The builtins that take a pointer and scalars only."""
FUSED = {"fmach", "fmacs", "fmachs"}
"""Their third source is a scalar."""


def samples(ty: str, seed: int) -> list[int]:
    """LENGTH patterns of an element type: special values shuffled into random ones."""
    rng = random.Random(seed)
    if ty in ("f16", "f32"):
        fmt = F16 if ty == "f16" else F32
        pool = [*rng.sample(specials(fmt), 30), *random_patterns(fmt, LENGTH - 30, seed)]
    else:
        bits = int(ty[1:])
        pool = [*INTEGERS[:20], *(rng.randrange(1 << bits) for _ in range(LENGTH - 20))]
    rng.shuffle(pool)
    return pool


def csl_type(ty: str) -> str:
    return CSL_TYPES.get(ty, ty)


def program_of(name: str) -> str:
    """Source with arrays a, b, c, d and the function `whole`."""
    info = VECOPS[name]
    names = "abc"[: len(info.sources)]
    types = {**dict(zip(names, info.sources, strict=True)), "d": info.dst}
    lines = [f"var {n} = @zeros([{LENGTH}]{csl_type(ty)});" for n, ty in types.items()]
    lines += [f"const {n}_dsd = @get_dsd(mem1d_dsd, .{{ .tensor_access = |i|{{{LENGTH}}} -> {n}[i] }});" for n in types]
    if name in SCALAR_ONLY:
        scalars = ", ".join(f"{n}[i]" for n in names)
        body = f"for (@range(i16, {LENGTH})) |i| {{ @{name}(&d[i], {scalars}); }}"
    elif name in FUSED:
        body = (
            f"for (@range(i16, {LENGTH})) |i| {{\n"
            f"    const one_a = @set_dsd_length(@increment_dsd_offset(a_dsd, i, {csl_type(types['a'])}), 1);\n"
            f"    const one_b = @set_dsd_length(@increment_dsd_offset(b_dsd, i, {csl_type(types['b'])}), 1);\n"
            f"    const one_d = @set_dsd_length(@increment_dsd_offset(d_dsd, i, {csl_type(types['d'])}), 1);\n"
            f"    @{name}(one_d, one_a, one_b, c[i]);\n  }}"
        )
    else:
        body = f"@{name}(d_dsd, {', '.join(f'{n}_dsd' for n in names)});"
    lines.append(f"fn whole() void {{\n  {body}\n  sys_mod.unblock_cmd_stream();\n}}")
    return "\n".join(lines)


def arrays_of(name: str) -> dict[str, str]:
    info = VECOPS[name]
    return {**{n: csl_type(ty) for n, ty in zip("abc", info.sources, strict=False)}, "d": csl_type(info.dst)}


@pytest.mark.parametrize("arch", ["wse2", "wse3"])
@pytest.mark.parametrize("name", VECOPS)
def test_operation_on_memory(name, arch, tmp_path):
    sources = [samples(ty, seed) for seed, ty in enumerate(VECOPS[name].sources)]
    with OnePe(tmp_path, arch, program_of(name), arrays_of(name), ["whole"]) as pe:
        for array, patterns in zip("abc", sources, strict=False):
            pe.write(array, np.array(patterns, dtype=np.uint64))
        pe.call("whole")
        results = pe.read("d", LENGTH).tolist()
    expected = [reference(name, *patterns) for patterns in zip(*sources, strict=True)]
    assert results == expected


TWO_SOURCES = [name for name, info in VECOPS.items() if len(info.sources) == 2 and name not in SCALAR_ONLY]


@pytest.mark.parametrize("name", [name for name in TWO_SOURCES if name != "faddhs"])
def test_scalar_sources(name, tmp_path):
    """A scalar as the second and as the first source; the latter where the builtin has that form."""
    info = VECOPS[name]
    ty = csl_type(info.sources[0])
    scalar_first = name not in ("sub16", "sub32")
    scalar = samples(info.sources[1], 7)[0]
    first = f"@{name}(d, s[0], x);" if scalar_first else ""
    program = f"""
var a = @zeros([{LENGTH}]{ty});
var s = @zeros([1]{ty});
var d1 = @zeros([{LENGTH}]{csl_type(info.dst)});
var d2 = @zeros([{LENGTH}]{csl_type(info.dst)});
const x = @get_dsd(mem1d_dsd, .{{ .tensor_access = |i|{{{LENGTH}}} -> a[i] }});
const d = @get_dsd(mem1d_dsd, .{{ .tensor_access = |i|{{{LENGTH}}} -> d1[i] }});
const e = @get_dsd(mem1d_dsd, .{{ .tensor_access = |i|{{{LENGTH}}} -> d2[i] }});
fn whole() void {{
  {first}
  @{name}(e, x, s[0]);
  sys_mod.unblock_cmd_stream();
}}
"""
    data = samples(info.sources[0], 3)
    with OnePe(tmp_path, "wse3", program, {"a": ty, "s": ty, "d1": ty, "d2": ty}, ["whole"]) as pe:
        pe.write("a", np.array(data))
        pe.write("s", np.array([scalar]))
        pe.call("whole")
        assert pe.read("d2", LENGTH).tolist() == [reference(name, value, scalar) for value in data]
        if scalar_first:
            assert pe.read("d1", LENGTH).tolist() == [reference(name, scalar, value) for value in data]


@pytest.mark.parametrize(("name", "ty"), [("faddh", "f16"), ("fadds", "f32"), ("fmaxs", "f32"), ("fmulh", "f16")])
def test_reduction_into_a_scalar(name, ty, tmp_path):
    """A pointer as destination whose value is also the first source accumulates element by element."""
    fmt = F16 if ty == "f16" else F32
    one = fmt.bias << fmt.fraction_bits
    rng = random.Random(5)
    data = [one ^ rng.randrange(1 << (fmt.fraction_bits - 1)) for _ in range(LENGTH)]
    program = f"""
var a = @zeros([{LENGTH}]{ty});
var d = @zeros([1]{ty});
const x = @get_dsd(mem1d_dsd, .{{ .tensor_access = |i|{{{LENGTH}}} -> a[i] }});
fn whole() void {{
  @{name}(&d[0], d[0], x);
  sys_mod.unblock_cmd_stream();
}}
"""
    expected = one
    for value in data:
        expected = reference(name, expected, value)
    with OnePe(tmp_path, "wse2", program, {"a": ty, "d": ty}, ["whole"]) as pe:
        pe.write("a", np.array(data))
        pe.write("d", np.array([one]))
        pe.call("whole")
        assert pe.read("d", 1).tolist() == [expected]
