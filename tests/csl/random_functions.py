"""Random CSL functions without side effects or overflow: a seed goes in, a program comes out.

Each program computes the same calls twice: `known` is filled at compile time, `main` fills `run` on the machine.
Arithmetic is kept in range by masks and remainders, so that compile-time evaluation never refuses it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

INTS = ("i16", "u16", "i32", "u32", "i8", "u8", "i12", "u5")
FLOATS = ("f16", "f32")
INPUTS = ("i16", "u16", "i32", "u32")
RESULTS = 6
"""Calls per program."""

HEADER = """const Pair = struct { a: i16, b: u32 };
const Box = struct { n: u16, p: Pair, v: [3]i16 };
const Two = struct { x: Pair, y: Pair };
fn mixed(comptime T: type, x: T, y: anytype) T { return x ^ @as(T, y); }
fn descend(n: u16, x: i32) i32 { if (n == 0) { return x; } return descend(n - 1, (x ^ @as(i32, n)) << 1); }
fn first(x: i16, y: i16) i16 { return x; }
fn second(x: i16, y: i16) i16 { return y; }
fn picked(f: *const fn(i16, i16) i16, x: i16, y: i16) i16 { return f(x, y); }
fn change(p: *i16, q: *Pair, a: Pair, v: [4]i16) void {
  p.* = p.* ^ a.a;
  q.* = Pair{ .a = v[@as(u16, a.a) & 3], .b = q.b ^ a.b };
  p.* = p.* ^ a.a ^ v[1];
}
fn swapped(t: Two) Two { return Two{ .x = t.y, .y = t.x }; }
const Mode = enum(u16) { low, middle, high };
"""


@dataclass
class Function:
    name: str
    params: list[str]
    result: str


@dataclass
class Generator:
    rng: random.Random
    functions: list[Function] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    names: list[dict[str, tuple[str, bool]]] = field(default_factory=list)
    """Scopes: name -> (type, assignable)."""
    counter: int = 0
    loops: list[str] = field(default_factory=list)
    blocks: list[tuple[str, str]] = field(default_factory=list)
    """Labels and types of the block expressions around the present position."""
    result: str = "i16"
    fuel: int = 0

    # ------------------------------------------------------------------------------------------- helpers

    def fresh(self, prefix: str) -> str:
        self.counter += 1
        return f"{prefix}_{self.counter}"

    def visible(self, ty: str, assignable: bool = False) -> list[str]:
        found = {}
        for scope in self.names:
            found.update(scope)
        return [name for name, (kind, free) in found.items() if kind == ty and (free or not assignable)]

    def emit(self, depth: int, text: str) -> None:
        self.lines.append("  " * depth + text)

    # --------------------------------------------------------------------------------------- expressions

    def expr(self, ty: str, depth: int) -> str:
        if ty == "bool":
            return self.condition(depth)
        if ty == "Pair":
            return self.pair(depth)
        if ty == "Box":
            return self.box(depth)
        if ty == "Two":
            return self.two(depth)
        if ty in FLOATS:
            return self.real(ty, depth)
        if ty == "Mode":
            return self.mode(depth)
        if ty.startswith("["):
            return self.array(ty, depth)
        if depth <= 0 or self.rng.random() < 0.15:
            return self.leaf(ty)
        makers = [
            self.arithmetic,
            self.arithmetic,
            self.shifted,
            self.choice,
            self.converted,
            self.member,
            self.element,
            self.block,
            self.switched,
            self.called,
            self.pointed,
            self.generic,
            self.pointer_call,
        ]
        return self.rng.choice(makers)(ty, depth - 1)

    def leaf(self, ty: str) -> str:
        names = self.visible(ty)
        if names and self.rng.random() < 0.8:
            return self.rng.choice(names)
        return self.literal(ty)

    def literal(self, ty: str) -> str:
        bits = int(ty[1:])
        least, most = (-(2 ** (bits - 1)) + 1, 2 ** (bits - 1) - 1) if ty[0] == "i" else (0, 2**bits - 1)
        value = self.rng.choice([0, 1, 2, 7, 23, self.rng.randint(least, most)])
        return f"@as({ty}, {value})"

    def small(self, ty: str, depth: int) -> str:
        return f"({self.expr(ty, depth)} % {self.rng.choice([2, 3, 5] if ty == 'u5' else [3, 10])})"

    def arithmetic(self, ty: str, depth: int) -> str:
        op = self.rng.choice(["+", "-", "*", "/", "%", "&", "|", "^", "~", "neg"])
        if op in ("&", "|", "^"):
            return f"({self.expr(ty, depth)} {op} {self.expr(ty, depth)})"
        if op == "~":
            return f"(~{self.expr(ty, depth)})"
        if op == "neg" and ty[0] == "i":
            return f"(-{self.small(ty, depth)})"
        if op in ("/", "%"):
            return f"({self.expr(ty, depth)} {op} ({self.small_positive(ty, depth)}))"
        if op in ("-", "neg") and ty[0] == "u":
            return f"(({self.expr(ty, depth)} | 16) - ({self.expr(ty, depth)} & 15))"
        return f"({self.small(ty, depth)} {op if op != 'neg' else '+'} {self.small(ty, depth)})"

    def small_positive(self, ty: str, depth: int) -> str:
        return f"({self.expr(ty, depth)} & 7) + 1"

    def real(self, ty: str, depth: int) -> str:
        names = self.visible(ty)
        if depth <= 0 or self.rng.random() < 0.2:
            return self.rng.choice([*names, f"@as({ty}, {self.rng.choice(['0.1', '2.5', '-3.75', '1000.0', '1e-3'])})"])
        left, right = self.expr(ty, depth - 1), self.expr(ty, depth - 1)
        kind = self.rng.choice(["+", "-", "*", "/", "neg", "if", "int", "float"])
        if kind == "neg":
            return f"(-{left})"
        if kind == "if":
            return f"(if ({self.condition(depth - 1)}) {left} else {right})"
        if kind == "int":
            return f"@as({ty}, {self.expr(self.rng.choice(INTS), depth - 1)})"
        if kind == "float":
            return f"@as({ty}, {self.expr(self.rng.choice(FLOATS), depth - 1)})"
        return f"({left} {kind} {right})"

    def generic(self, ty: str, depth: int) -> str:
        if ty == "i32" and self.rng.random() < 0.5:
            return f"descend({self.small('u16', depth)}, {self.expr('i32', depth)})"
        return f"mixed({ty}, {self.expr(ty, depth)}, {self.expr(self.rng.choice(INTS), depth)})"

    def pointer_call(self, ty: str, depth: int) -> str:
        if ty != "i16":
            return self.leaf(ty)
        chosen = f"(if ({self.condition(depth)}) &first else &second)" if self.rng.random() < 0.5 else "&first"
        return f"picked({chosen}, {self.expr(ty, depth)}, {self.expr(ty, depth)})"

    def two(self, depth: int) -> str:
        names = self.visible("Two")
        if names and self.rng.random() < 0.5:
            name = self.rng.choice(names)
            swap = f"Two{{ .x = {name}.y, .y = {name}.x }}"
            return self.rng.choice([name, f"swapped({name})", swap, f".{{ .y = {name}.x, .x = {name}.y }}"])
        return f"Two{{ .x = {self.pair(depth - 1)}, .y = {self.pair(depth - 1)} }}"

    def shifted(self, ty: str, depth: int) -> str:
        count = self.rng.choice([str(self.rng.randint(0, 15)), f"({self.expr('u16', depth)} & 15)"])
        return f"({self.expr(ty, depth)} {self.rng.choice(['<<', '>>'])} {count})"

    def choice(self, ty: str, depth: int) -> str:
        return f"(if ({self.condition(depth)}) {self.expr(ty, depth)} else {self.expr(ty, depth)})"

    def converted(self, ty: str, depth: int) -> str:
        source = self.rng.choice([*INTS, "bool", *FLOATS])
        if source == "bool":
            return f"@as({ty}, {self.condition(depth)})"
        if {source, ty} in ({"i16", "u16"}, {"i32", "u32"}) and self.rng.random() < 0.5:
            return f"@bitcast({ty}, {self.expr(source, depth)})"
        return f"@as({ty}, {self.expr(source, depth)})"

    def member(self, ty: str, depth: int) -> str:
        if ty == "i16":
            options = [f"{self.expr('Pair', depth)}.a", *(f"{name}.p.a" for name in self.visible("Box"))]
            options += [f"{name}.{self.rng.choice('xy')}.a" for name in self.visible("Two")]
        elif ty == "u32":
            options = [
                *(f"{name}.b" for name in self.visible("Pair")),
                *(f"{name}.p.b" for name in self.visible("Box")),
            ]
        else:
            options = [f"{name}.n" for name in self.visible("Box")] if ty == "u16" else []
        options = [option for option in options if not option.startswith("(")]
        return self.rng.choice(options) if options else self.leaf(ty)

    def element(self, ty: str, depth: int) -> str:
        arrays = [f"{name}[{self.expr('u16', depth)} & 3]" for name in self.visible(f"[4]{ty}")]
        arrays += [
            f"{name}[{self.expr('u16', depth)} & 1, {self.rng.randint(0, 2)}]" for name in self.visible(f"[2, 3]{ty}")
        ]
        arrays += [
            f"{name}[{self.rng.randint(0, 1)}, {self.small('u16', depth)} % 3]" for name in self.visible(f"[2, 3]{ty}")
        ]
        if ty == "i16":
            arrays += [f"{name}.v[{self.expr('u16', depth)} % 3]" for name in self.visible("Box")]
        return self.rng.choice(arrays) if arrays else self.leaf(ty)

    def block(self, ty: str, depth: int) -> str:
        """A labelled block, left early now and then, sometimes to an outer label."""
        label, local = self.fresh("blk"), self.fresh("t")
        outer = [name for name, kind in self.blocks if kind == ty]
        self.blocks.append((label, ty))
        self.names.append({})
        init = self.expr(ty, depth)
        self.names[-1][local] = (ty, False)
        parts = [f"const {local} = {init};"]
        if self.rng.random() < 0.6:
            parts.append(f"if ({self.condition(depth)}) break :{label} {self.expr(ty, depth)};")
        if outer and self.rng.random() < 0.5:
            parts.append(f"if ({self.condition(depth)}) break :{self.rng.choice(outer)} {self.expr(ty, depth)};")
        parts.append(f"break :{label} {self.expr(ty, depth)};")
        self.names.pop()
        self.blocks.pop()
        return f"{label}: {{ {' '.join(parts)} }}"

    def switched(self, ty: str, depth: int) -> str:
        if self.rng.random() < 0.4:
            arms = [f".{name} => {self.expr(ty, depth)}" for name in ("low", "middle", "high")]
            return f"switch ({self.mode(depth)}) {{ {', '.join(arms)} }}"
        arms = [f"{i}, {i + 3} => {self.expr(ty, depth)}" for i in range(2)]
        return f"switch ({self.expr('u16', depth)} % 7) {{ {', '.join(arms)}, else => {self.expr(ty, depth)} }}"

    def called(self, ty: str, depth: int) -> str:
        options = [function for function in self.functions if function.result == ty]
        if not options:
            return self.leaf(ty)
        function = self.rng.choice(options)
        return f"{function.name}({', '.join(self.expr(param, depth - 1) for param in function.params)})"

    def pointed(self, ty: str, depth: int) -> str:
        names = self.visible(f"*{ty}")
        return f"{self.rng.choice(names)}.*" if names else self.leaf(ty)

    def condition(self, depth: int) -> str:
        if depth <= 0:
            names = self.visible("bool")
            return self.rng.choice([*names, f"{self.leaf('i16')} < {self.leaf('i16')}"])
        kind = self.rng.choice(["compare", "compare", "and", "or", "not", "choice", "enum"])
        if kind in ("and", "or"):
            return f"({self.condition(depth - 1)} {kind} {self.condition(depth - 1)})"
        if kind == "not":
            return f"!({self.condition(depth - 1)})"
        if kind == "choice":
            return f"(if ({self.condition(depth - 1)}) {self.condition(depth - 1)} else {self.condition(depth - 1)})"
        if kind == "enum":
            return f"({self.mode(depth - 1)} == {self.mode(depth - 1)})"
        ty = self.rng.choice([*INTS, *FLOATS])
        op = self.rng.choice(["==", "!=", "<", "<=", ">", ">="])
        return f"({self.expr(ty, depth - 1)} {op} {self.expr(ty, depth - 1)})"

    def mode(self, depth: int) -> str:
        names = self.visible("Mode")
        if names and self.rng.random() < 0.6:
            return self.rng.choice(names)
        if self.rng.random() < 0.3:
            return f"@as(Mode, {self.expr('u16', depth - 1)} % 3)"
        return f"Mode.{self.rng.choice(['low', 'middle', 'high'])}"

    def pair(self, depth: int) -> str:
        names = self.visible("Pair") + [f"{name}.p" for name in self.visible("Box")]
        if names and self.rng.random() < 0.5:
            return self.rng.choice(names)
        options = [function for function in self.functions if function.result == "Pair"]
        if options and depth > 0 and self.rng.random() < 0.5:
            function = self.rng.choice(options)
            return f"{function.name}({', '.join(self.expr(param, depth - 1) for param in function.params)})"
        if depth > 1 and self.rng.random() < 0.3:
            return self.choice_of("Pair", depth - 1)
        fields = [f".a = {self.expr('i16', depth - 1)}", f".b = {self.expr('u32', depth - 1)}"]
        self.rng.shuffle(fields)
        return f"Pair{{ {', '.join(fields)} }}"

    def choice_of(self, ty: str, depth: int) -> str:
        """A choice between two values of a type that lives in memory."""
        first, other, condition = self.expr(ty, depth), self.expr(ty, depth), self.condition(depth)
        if self.rng.random() < 0.5:
            return f"(if ({condition}) {first} else {other})"
        label = self.fresh("blk")
        return f"{label}: {{ if ({condition}) break :{label} {first}; break :{label} {other}; }}"

    def box(self, depth: int) -> str:
        names = self.visible("Box")
        if names and self.rng.random() < 0.4:
            return self.rng.choice(names)
        values = ", ".join(self.expr("i16", depth - 1) for _ in range(3))
        return f"Box{{ .n = {self.expr('u16', depth - 1)}, .p = {self.pair(depth - 1)}, .v = [3]i16{{ {values} }} }}"

    def array(self, ty: str, depth: int) -> str:
        names = self.visible(ty)
        if names and self.rng.random() < 0.3:
            return self.rng.choice(names)
        count, element = (4, ty[3:]) if ty.startswith("[4]") else (6, ty[6:])
        if depth > 1 and self.rng.random() < 0.2:
            return self.choice_of(ty, depth - 1)
        if self.rng.random() < 0.2:
            return f"@constants({ty}, {self.rng.randint(0, 30)})"
        return f"{ty}{{ {', '.join(self.expr(element, depth - 1) for _ in range(count))} }}"

    # ---------------------------------------------------------------------------------------- statements

    def statements(self, depth: int, count: int) -> None:
        self.names.append({})
        for _ in range(count):
            if self.fuel <= 0:
                break
            self.fuel -= 1
            makers = [
                self.declaration,
                self.declaration,
                self.assignment,
                self.assignment,
                self.compound,
                self.if_stmt,
                self.while_stmt,
                self.for_stmt,
                self.for_array,
                self.switch_stmt,
                self.jump,
                self.pointer,
                self.procedure,
                self.unrolled,
            ]
            self.rng.choice(makers)(depth)
        self.names.pop()

    def declaration(self, depth: int) -> None:
        ty = self.rng.choice(
            [
                *INTS,
                *INTS,
                *FLOATS,
                "bool",
                "Pair",
                "Box",
                "Two",
                "Mode",
                "[4]i16",
                "[4]u32",
                "[2, 3]u16",
                "[2, 3]i32",
                "[4]u8",
                "[4]i12",
            ]
        )
        name, value = self.fresh("x"), self.expr(ty, 2)
        constant = self.rng.random() < 0.3
        self.emit(depth, f"{'const' if constant else 'var'} {name}: {ty} = {value};")
        self.names[-1][name] = (ty, not constant)

    def places(self, ty: str) -> list[str]:
        places = self.visible(ty, assignable=True) + [f"{name}.*" for name in self.visible(f"*{ty}")]
        places += [f"{name}[{self.expr('u16', 1)} & 3]" for name in self.visible(f"[4]{ty}", assignable=True)]
        places += [
            f"{name}[{self.expr('u16', 1)} & 1, {self.expr('u16', 1)} % 3]"
            for name in self.visible(f"[2, 3]{ty}", assignable=True)
        ]
        boxes, pairs = self.visible("Box", assignable=True), self.visible("Pair", assignable=True)
        if ty == "i16":
            places += [f"{name}.p.a" for name in boxes] + [f"{name}.a" for name in pairs]
            places += [f"{name}.v[{self.expr('u16', 1)} % 3]" for name in boxes]
        if ty == "u32":
            places += [f"{name}.p.b" for name in boxes] + [f"{name}.b" for name in pairs]
        if ty == "u16":
            places += [f"{name}.n" for name in boxes]
        if ty == "Pair":
            places += [f"{name}.p" for name in boxes]
        return places

    def assignment(self, depth: int) -> None:
        ty = self.rng.choice([*INTS, *FLOATS, "bool", "Pair", "Box", "Two", "Mode", "[4]i16", "[2, 3]u16"])
        places = self.places(ty)
        if places:
            self.emit(depth, f"{self.rng.choice(places)} = {self.expr(ty, 3)};")

    def compound(self, depth: int) -> None:
        ty = self.rng.choice(INTS)
        places = self.places(ty)
        if places:
            op = self.rng.choice(["^=", "|=", "&=", "<<=", ">>="])
            right = f"({self.expr('u16', 1)} & 15)" if op in ("<<=", ">>=") else self.expr(ty, 2)
            self.emit(depth, f"{self.rng.choice(places)} {op} {right};")

    def if_stmt(self, depth: int) -> None:
        self.emit(depth, f"if ({self.condition(2)}) {{")
        self.statements(depth + 1, 3)
        if self.rng.random() < 0.5:
            self.emit(depth, "} else {")
            self.statements(depth + 1, 3)
        self.emit(depth, "}")

    def while_stmt(self, depth: int) -> None:
        if len(self.loops) > 1:
            return
        name, label = self.fresh("i"), self.fresh("loop")
        self.emit(depth, f"var {name}: u16 = 0;")
        self.emit(depth, f"{label}: while ({name} < {self.rng.randint(1, 5)}) : ({name} += 1) {{")
        self.names.append({name: ("u16", False)})
        self.loop_body(depth, label)

    def for_stmt(self, depth: int) -> None:
        if len(self.loops) > 1:
            return
        name, label, ty = self.fresh("i"), self.fresh("loop"), self.rng.choice(INTS)
        stop = self.rng.choice([str(self.rng.randint(1, 5)), f"{self.expr(ty, 1)} & 3"])
        start = self.rng.choice(["", "1, "])
        step = ", 2" if start and self.rng.random() < 0.5 else ", 1" if start else ""
        self.emit(depth, f"{label}: for (@range({ty}, {start}{stop}{step})) |{name}| {{")
        self.names.append({name: (ty, False)})
        self.loop_body(depth, label)

    def for_array(self, depth: int) -> None:
        options = [(name, ty) for ty in ("i16", "u32") for name in self.visible(f"[4]{ty}")]
        if len(self.loops) > 1 or not options:
            return
        array, ty = self.rng.choice(options)
        name, position, label = self.fresh("e"), self.fresh("k"), self.fresh("loop")
        self.emit(depth, f"{label}: for ({array}) |{name}, {position}| {{")
        self.names.append({name: (ty, False), position: ("u16", False)})
        saved = [(scope, scope.pop(array)) for scope in self.names if array in scope]
        self.loop_body(depth, label)
        for scope, entry in saved:
            scope[array] = entry

    def loop_body(self, depth: int, label: str) -> None:
        self.loops.append(label)
        self.statements(depth + 1, 3)
        self.loops.pop()
        self.names.pop()
        self.emit(depth, "}")

    def switch_stmt(self, depth: int) -> None:
        self.emit(depth, f"switch ({self.expr('u16', 1)} % 4) {{")
        for values in ("0", "1, 2"):
            self.emit(depth + 1, f"{values} => {{")
            self.statements(depth + 2, 2)
            self.emit(depth + 1, "},")
        self.emit(depth + 1, "else => {")
        self.statements(depth + 2, 2)
        self.emit(depth + 1, "}")
        self.emit(depth, "}")

    def jump(self, depth: int) -> None:
        if self.loops and self.rng.random() < 0.7:
            label = self.rng.choice(["", f" :{self.rng.choice(self.loops)}"])
            self.emit(depth, f"if ({self.condition(1)}) {self.rng.choice(['break', 'continue'])}{label};")
        elif depth > 1 and self.rng.random() < 0.5:
            self.emit(depth, f"if ({self.condition(1)}) return {self.expr(self.result, 2)};")

    def procedure(self, depth: int) -> None:
        """A call that changes things through pointers while it reads values that may be the same."""
        pairs = self.visible("Pair", assignable=True)
        pairs += [f"{name}.{self.rng.choice('xy')}" for name in self.visible("Two", assignable=True)]
        numbers = [f"{name}.a" for name in pairs] + self.visible("i16", assignable=True)
        arrays = self.visible("[4]i16", assignable=True)
        numbers += [f"{name}[1]" for name in arrays]
        if pairs and arrays:
            number, pair = self.rng.choice(numbers), self.rng.choice(pairs)
            self.emit(depth, f"change(&{number}, &{pair}, {self.rng.choice(pairs)}, {self.rng.choice(arrays)});")

    def unrolled(self, depth: int) -> None:
        """A compile-time variable that an unrolled loop counts with."""
        places = self.visible("i32", assignable=True)
        if places:
            name, number = self.fresh("c"), self.fresh("n")
            place = self.rng.choice(places)
            self.emit(depth, f"comptime var {name}: i32 = {self.rng.randint(1, 9)};")
            self.emit(depth, f"inline for (@range(u16, {self.rng.randint(1, 3)})) |{number}| {{")
            self.emit(depth + 1, f"{name} += @as(i32, {number}) + 1;")
            self.emit(depth + 1, f"{place} = {place} ^ {name};")
            self.emit(depth, "}")

    def pointer(self, depth: int) -> None:
        ty = self.rng.choice(INTS)
        places = [place for place in self.visible(ty, assignable=True) if place.startswith("x")]
        places += [f"{name}.p.a" for name in self.visible("Box", assignable=True) if ty == "i16"]
        places += [f"{name}[{self.expr('u16', 1)} & 3]" for name in self.visible(f"[4]{ty}", assignable=True)]
        if places:
            name = self.fresh("p")
            self.emit(depth, f"const {name}: *{ty} = &{self.rng.choice(places)};")
            self.names[-1][name] = (f"*{ty}", False)

    # ------------------------------------------------------------------------------------------ programs

    def function(self) -> None:
        name = self.fresh("f")
        params = [
            self.rng.choice([*INTS, *FLOATS, "bool", "Pair", "[4]i16", "Box", "Two"])
            for _ in range(self.rng.randint(1, 3))
        ]
        self.result = self.rng.choice([*INTS, *FLOATS, "Pair", "Box"])
        names = [self.fresh("a") for _ in params]
        listed = ", ".join(f"{name}: {ty}" for name, ty in zip(names, params, strict=True))
        self.emit(0, f"fn {name}({listed}) {self.result} {{")
        self.names = [{name: (ty, False) for name, ty in zip(names, params, strict=True)}]
        self.fuel = 12
        self.statements(1, 7)
        self.finish(self.result)
        self.functions.append(Function(name, params, self.result))

    def finish(self, result: str) -> None:
        self.emit(1, f"return {self.expr(result, 3)};")
        self.emit(0, "}")

    def program(self) -> str:
        self.lines = [HEADER]
        for _ in range(3):
            self.function()
        self.result = "i32"
        self.emit(0, "fn whole(a: i16, b: u16, c: i32, d: u32) i32 {")
        self.names = [{"a": ("i16", False), "b": ("u16", False), "c": ("i32", False), "d": ("u32", False)}]
        self.fuel = 14
        self.statements(1, 9)
        self.finish("i32")
        inputs = [[self.literal(ty) for ty in INPUTS] for _ in range(RESULTS)]
        calls = ", ".join(f"whole({', '.join(values)})" for values in inputs)
        self.emit(0, f"var known = [{RESULTS}]i32{{ {calls} }};")
        self.emit(0, f"var run = @zeros([{RESULTS}]i32);")
        for position, ty in enumerate(INPUTS):
            self.emit(0, f"var in_{ty} = [{RESULTS}]{ty}{{ {', '.join(values[position] for values in inputs)} }};")
        arguments = ", ".join(f"in_{ty}[i]" for ty in INPUTS)
        self.emit(0, f"fn main() void {{ for (@range(u16, {RESULTS})) |i| {{ run[i] = whole({arguments}); }} }}")
        return "\n".join(self.lines) + "\n"


def program(seed: int) -> str:
    return Generator(random.Random(seed)).program()
