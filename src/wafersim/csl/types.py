"""The types of CSL: immutable objects, equal exactly where the language calls two types the same.

Named structs, unions and enums are equal when they come from the same definition and have the same
fields; everything else is structural. `str()` spells a type as CSL does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from wafersim.ir.ops import Ty


@dataclass(frozen=True, slots=True)
class Type:
    """Base of all types; `comptime_only` types have no run-time form."""

    @property
    def comptime_only(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class SimpleType(Type):
    """A type that is nothing but its name: `bool`, `color`, `comptime_int`, `mem1d_dsd`, ..."""

    name: str

    @property
    def comptime_only(self) -> bool:
        return self.name in _COMPTIME_ONLY

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class IntType(Type):
    signed: bool
    bits: int

    @property
    def minimum(self) -> int:
        return -(1 << (self.bits - 1)) if self.signed and self.bits else 0

    @property
    def maximum(self) -> int:
        return (1 << (self.bits - self.signed)) - 1 if self.bits else 0

    @property
    def comptime_only(self) -> bool:
        return self.bits > 64

    def __str__(self) -> str:
        return f"{'i' if self.signed else 'u'}{self.bits}"


@dataclass(frozen=True, slots=True)
class FloatType(Type):
    bits: int

    def __str__(self) -> str:
        return f"f{self.bits}"


@dataclass(frozen=True, slots=True)
class ArrayType(Type):
    dims: tuple[int, ...]
    element: Type

    @property
    def count(self) -> int:
        total = 1
        for extent in self.dims:
            total *= extent
        return total

    @property
    def comptime_only(self) -> bool:
        return self.element.comptime_only

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.dims))}]{self.element}"


@dataclass(frozen=True, slots=True)
class PointerType(Type):
    pointee: Type
    many: bool = False
    const: bool = False

    @property
    def comptime_only(self) -> bool:
        return self.pointee.comptime_only and not isinstance(self.pointee, FnType)

    def __str__(self) -> str:
        return f"{'[*]' if self.many else '*'}{'const ' if self.const else ''}{self.pointee}"


@dataclass(frozen=True, slots=True)
class FnType(Type):
    """`fn(params) result`; a parameter of type None is generic (`anytype`)."""

    params: tuple[Type | None, ...]
    result: Type | None
    is_task: bool = False

    @property
    def comptime_only(self) -> bool:
        return True

    def __str__(self) -> str:
        params = ", ".join("anytype" if param is None else str(param) for param in self.params)
        return f"{'task' if self.is_task else 'fn'}({params}) {self.result or 'anytype'}"


@dataclass(frozen=True, slots=True)
class StructType(Type):
    """A struct, union or tuple.

    Tuples have the field names "0", "1", ... and `is_tuple`. Anonymous structs and tuples have no `site`.
    """

    fields: tuple[tuple[str, Type], ...]
    name: str = ""
    site: tuple[str, int] | None = None
    """File and offset of the definition."""
    layout: str = "auto"
    is_union: bool = False
    is_tuple: bool = False

    @property
    def anonymous(self) -> bool:
        return self.site is None

    @property
    def comptime_only(self) -> bool:
        return any(ty.comptime_only for _, ty in self.fields)

    def index(self, name: str) -> int | None:
        """Position of a field, None if there is no such field."""
        for position, (field_name, _) in enumerate(self.fields):
            if field_name == name:
                return position
        return None

    def position(self, name: str) -> int:
        """Position of a field that is known to exist."""
        return [field_name for field_name, _ in self.fields].index(name)

    def __str__(self) -> str:
        if self.name:
            return self.name
        if self.is_tuple:
            return f".{{{', '.join(str(ty) for _, ty in self.fields)}}}"
        kind = "union" if self.is_union else "struct"
        return f"{kind}{{{', '.join(f'{name}: {ty}' for name, ty in self.fields)}}}"


@dataclass(frozen=True, slots=True)
class EnumType(Type):
    backing: Type
    members: tuple[tuple[str, int], ...]
    name: str = ""
    site: tuple[str, int] | None = None

    @property
    def comptime_only(self) -> bool:
        return self.backing.comptime_only

    def value(self, name: str) -> int | None:
        for member, value in self.members:
            if member == name:
                return value
        return None

    def __str__(self) -> str:
        return self.name or f"enum({self.backing})"


# --------------------------------------------------------------------------------------- simple types

DSD_KINDS = ("mem1d_dsd", "mem4d_dsd", "circbuf_dsd", "fabin_dsd", "fabout_dsd", "fifo")
DSR_KINDS = ("dsr_dest", "dsr_src0", "dsr_src1", "dsr_fifo_dest", "dsr_fifo_src1", "xdsr", "sr")
ID_KINDS = (
    "color", "input_queue", "output_queue", "data_task_id", "local_task_id", "control_task_id", "ut_id",
)  # fmt: skip
_COMPTIME_ONLY = frozenset(
    {"comptime_int", "comptime_float", "comptime_string", "type", "imported_module", "comptime_struct",
     "range", "undefined", "tensor access"}
)  # fmt: skip

VOID = SimpleType("void")
BOOL = SimpleType("bool")
COMPTIME_INT = SimpleType("comptime_int")
COMPTIME_FLOAT = SimpleType("comptime_float")
COMPTIME_STRING = SimpleType("comptime_string")
COMPTIME_STRUCT = SimpleType("comptime_struct")
COMPTIME_ANY = SimpleType("anytype")
"""Result type of compile-time functions that give anything."""
TYPE = SimpleType("type")
MODULE = SimpleType("imported_module")
RANGE = SimpleType("range")
TENSOR = SimpleType("tensor access")
ANYOPAQUE = SimpleType("anyopaque")
DIRECTION = SimpleType("direction")
COLOR = SimpleType("color")
NORETURN = SimpleType("noreturn")
"""Type of `unreachable` and of calls that do not come back."""
FAILED = SimpleType("failed")
"""Type of names whose declaration has an error: their uses give no further errors."""
UNDEFINED = SimpleType("undefined")
"""Type of the literal `undefined` before it is coerced."""

F16 = FloatType(16)
F32 = FloatType(32)


@cache
def int_type(signed: bool, bits: int) -> IntType:
    return IntType(signed, bits)


I8, I16, I32, I64 = (int_type(True, bits) for bits in (8, 16, 32, 64))
U8, U16, U32, U64 = (int_type(False, bits) for bits in (8, 16, 32, 64))

NAMED: dict[str, Type] = dict[str, Type]({
    ty.name: ty
    for ty in (VOID, BOOL, COMPTIME_INT, COMPTIME_FLOAT, COMPTIME_STRING, COMPTIME_STRUCT, TYPE, MODULE, RANGE,
               ANYOPAQUE, DIRECTION)
} | {name: SimpleType(name) for name in (*DSD_KINDS, *DSR_KINDS, *ID_KINDS)} ) | {"f16": F16, "f32": F32}  # fmt: skip
"""Types that are names of the language; integer types are found by `named_type`."""

REFUSED = {
    "bf16": "the format bf16 is not supported: only IEEE f16 is",
    "cb16": "the format cb16 is not supported: only IEEE f16 is",
}

MAX_INT_BITS = 16_777_215


def named_type(name: str) -> Type | None:
    """The type that a name of the language stands for: `i16`, `color`, ..., or None."""
    found = NAMED.get(name)
    if found is not None:
        return found
    if name[:1] in ("i", "u") and name[1:].isascii() and name[1:].isdigit() and len(name) < 10:
        bits = int(name[1:])
        return int_type(name[0] == "i", bits) if bits <= MAX_INT_BITS else None
    return None


# ---------------------------------------------------------------------------------------- predicates


def is_integer(ty: Type) -> bool:
    """Integer types, `comptime_int` included."""
    return isinstance(ty, IntType) or ty == COMPTIME_INT


def is_float(ty: Type) -> bool:
    return isinstance(ty, FloatType) or ty == COMPTIME_FLOAT


def is_numeric(ty: Type) -> bool:
    return is_integer(ty) or is_float(ty)


def is_dsd(ty: Type) -> bool:
    """DSD kinds, `fifo` included."""
    return isinstance(ty, SimpleType) and ty.name in DSD_KINDS


def is_dsr(ty: Type) -> bool:
    return isinstance(ty, SimpleType) and ty.name in DSR_KINDS


def is_id(ty: Type) -> bool:
    """Colors, queues, task ids and microthread ids."""
    return isinstance(ty, SimpleType) and ty.name in ID_KINDS


def is_aggregate(ty: Type) -> bool:
    """Types whose run-time values live in memory, never in one register."""
    return isinstance(ty, (ArrayType, StructType))


def is_register_sized(ty: Type) -> bool:
    return not ty.comptime_only and not is_aggregate(ty) and ty not in (VOID, ANYOPAQUE, NORETURN)


# -------------------------------------------------------------------------------------------- layout

_INT_TY = {(True, 8): Ty.I8, (False, 8): Ty.U8, (True, 16): Ty.I16, (False, 16): Ty.U16,
           (True, 32): Ty.I32, (False, 32): Ty.U32, (True, 64): Ty.I64, (False, 64): Ty.U64}  # fmt: skip


def ir_type(ty: Type) -> Ty:
    """Register type of a register-sized type; `void` gives VOID. Pointers are 16-bit word addresses."""
    match ty:
        case IntType(signed, bits) if bits <= 64:
            return _INT_TY[signed, next(width for width in (8, 16, 32, 64) if bits <= width)]
        case FloatType(bits):
            return Ty.F16 if bits == 16 else Ty.F32
        case EnumType():
            return ir_type(ty.backing)
        case PointerType():
            return Ty.U16
        case SimpleType(name):
            if name in ("void", "noreturn"):
                return Ty.VOID
            if name == "bool":
                return Ty.BOOL
            if name in DSD_KINDS:
                return Ty.DSD
            if name in ID_KINDS or name in DSR_KINDS or name == "direction":
                return Ty.U16
    raise ValueError(f"{ty} has no register type")


def words(ty: Type) -> int:
    """Size in memory, in 16-bit words."""
    if isinstance(ty, ArrayType):
        return ty.count * words(ty.element)
    if isinstance(ty, StructType):
        sizes = [words(field) for _, field in ty.fields]
        return max(sizes, default=0) if ty.is_union else sum(sizes)
    return 0 if ty == VOID or ty.comptime_only else ir_type(ty).words


def field_offset(ty: StructType, position: int) -> int:
    """Offset of a field in words: fields follow each other in order of declaration."""
    return 0 if ty.is_union else sum(words(field) for _, field in ty.fields[:position])


def element_type_of(ty: Type) -> Type | None:
    """What indexing gives: element of arrays, of pointers to arrays and of many-item pointers."""
    if isinstance(ty, ArrayType):
        return ty.element
    if isinstance(ty, PointerType):
        return ty.pointee if ty.many else element_type_of(ty.pointee) if isinstance(ty.pointee, ArrayType) else None
    return None
