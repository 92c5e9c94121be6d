"""`@get_dsd` for every kind of DSD, with the fields of each."""

from __future__ import annotations

from wafersim.csl import types as t
from wafersim.csl.analyse import places
from wafersim.csl.analyse.operands import Known, Operand, TensorOf
from wafersim.csl.builtins import queues
from wafersim.csl.builtins.common import Fields, program_only
from wafersim.csl.builtins.dsd_values import (
    MEMORY_KINDS,
    Part,
    Parts,
    build,
    change,
    element_words,
    pointer_of,
)
from wafersim.csl.builtins.ids import check_routable
from wafersim.csl.builtins.registry import builtin
from wafersim.csl.comptime.values import Address
from wafersim.ir.dsd import FLAGS, NO_COLOR, PRIORITY_SHIFT, SIMD_SHIFT
from wafersim.ir.program import Shape

MAX_EXTENT = 0x7FFF
SIMD_MODES = ("simd_32", "simd_64", "simd_32_or_64", "simd_max")

_MEMORY = ("base_address", "tensor_access", "extent", "stride", "offset", "wavelet_index_offset")
_FABRIC = ("extent", "fabric_color", "priority", "control_transform")
_FIELDS = {
    "mem1d_dsd": _MEMORY,
    "mem4d_dsd": _MEMORY,
    "circbuf_dsd": ("base_address", "extent", "wraparound", "offset"),
    "fabin_dsd": (*_FABRIC, "input_queue", "simd_mode"),
    "fabout_dsd": (
        *_FABRIC, "output_queue", "control", "wavelet_index_offset", "simd_mode", "zero", "advance_switch",
    ),
}  # fmt: skip
"""Kind of DSD -> names of its fields."""


@builtin("get_dsd", 2)
def get_dsd(an, node, want):
    program_only(an, node)
    ty = an.type_of(node.args[0])
    kind = str(ty)
    if kind not in _FIELDS:
        hint = " (@allocate_fifo makes FIFOs)" if kind == "fifo" else ""
        raise an.error(node.args[0].span, f"@get_dsd makes no '{kind}', expected one of: {', '.join(_FIELDS)}{hint}")
    fields = Fields(an, node.args[1], f"the fields of a {kind}", _FIELDS[kind])
    parts = _MAKERS[kind](an, node, fields)
    return build(an, kind, parts, node.span)


# -------------------------------------------------------------------------------------------- memory


def _mem1d(an, node, fields: Fields) -> Parts:
    flags = FLAGS["wavelet_index_offset"] if fields.flag("wavelet_index_offset") else 0
    tensor = _tensor(an, fields, 1)
    if tensor is not None:
        base = _tensor_base(an, tensor, fields)
        return Parts(base, tensor.extents[0], stride=tensor.strides[0], flags=flags)
    base = _base(an, fields)
    return Parts(base, _extent(an, fields), stride=_stride(an, fields), flags=flags)


def _mem4d(an, node, fields: Fields) -> Parts:
    flags = FLAGS["wavelet_index_offset"] if fields.flag("wavelet_index_offset") else 0
    tensor = _tensor(an, fields, 4)
    if tensor is not None:
        base = _tensor_base(an, tensor, fields)
        extents, strides = list(tensor.extents), list(tensor.strides)
    else:
        base = _base(an, fields)
        extents = _tuple(an, fields, "extent", 0, MAX_EXTENT)
        strides = _tuple(an, fields, "stride", -0x8000, 0x7FFF) if "stride" in fields else _row_major(extents)
        if len(strides) != len(extents):
            raise an.error(fields.span("stride"), f"'.stride' has {len(strides)} numbers, '.extent' {len(extents)}")
    length = 1
    for extent in extents:
        length *= extent
    if length > 0xFFFF:
        raise an.error(node.span, f"a DSD has at most 65535 elements, this one has {length}")
    return Parts(base, length, extra=_shape(an, Shape(extents, strides)), flags=flags)


def _circbuf(an, node, fields: Fields) -> Parts:
    pointer = fields.require("base_address")
    span = fields.span("base_address")
    address, element = pointer_of(an, pointer, span)
    if not isinstance(address, Known):
        raise an.error(span, "'.base_address' of a circbuf_dsd must be known at compile time")
    words = element_words(an, element, span)
    wraparound = fields.number("wraparound", 1, MAX_EXTENT)
    if wraparound is None:
        target = pointer.type.pointee if isinstance(pointer.type, t.PointerType) else pointer.type
        if not isinstance(target, t.ArrayType):
            raise an.error(span, "'.wraparound' is needed where '.base_address' does not point to an array")
        wraparound = target.count
    start = address.value.word
    offset = (fields.number("offset", 0, wraparound - 1) or 0) * words
    shape = _shape(an, Shape(start=start, words=wraparound * words))
    return Parts(start + offset, _extent(an, fields), extra=shape)


def _shape(an, shape: Shape) -> int:
    shapes = an.unit.program.ir.shapes
    if shape not in shapes:
        shapes.append(shape)
    return shapes.index(shape)


def _row_major(extents: list[int]) -> list[int]:
    strides, step = [], 1
    for extent in reversed(extents):
        strides.insert(0, step)
        step *= extent
    return strides


def _tensor(an, fields: Fields, most: int) -> TensorOf | None:
    """The field `.tensor_access`; refuses it beside the fields that say the same."""
    value = fields.get("tensor_access")
    if value is None:
        if "base_address" not in fields:
            raise an.error(fields.span(), f"'.tensor_access' or '.base_address' is missing in {fields.what}")
        return None
    for other in ("base_address", "extent", "stride"):
        if other in fields:
            raise an.error(fields.span(other), f"'.{other}' and '.tensor_access' exclude each other")
    if not isinstance(value, TensorOf):
        raise an.error(fields.span("tensor_access"), f"'.tensor_access' needs |i|{{n}} -> a[i], found '{value.type}'")
    if len(value.extents) > most:
        raise an.error(fields.span("tensor_access"), f"a tensor access of this DSD has at most {most} dimensions")
    return value


def _tensor_base(an, tensor: TensorOf, fields: Fields) -> Part:
    span = fields.span("tensor_access")
    words = element_words(an, tensor.start.type, span)
    start = places.address_of(an, tensor.start, span, const=True)
    return _moved(an, start, tensor.origin + _offset(fields), words, fields)


def _base(an, fields: Fields) -> Part:
    """Base address from `.base_address` and `.offset`."""
    span = fields.span("base_address")
    address, element = pointer_of(an, fields.require("base_address"), span)
    return _moved(an, address, _offset(fields), element_words(an, element, span), fields)


def _offset(fields: Fields) -> int:
    return fields.number("offset", -0x8000, 0x7FFF) or 0


def _moved(an, address: Operand, elements: int, words: int, fields: Fields) -> Part:
    if isinstance(address, Known):
        assert isinstance(address.value, Address)
        return address.value.word + elements * words
    if elements == 0:
        return address
    span, distance = fields.span(), Known(t.U16, elements * words & 0xFFFF)
    return an.result(span, "add", t.U16, a=an.operand(address, span), b=an.operand(distance, span))


def _extent(an, fields: Fields) -> Part:
    value, span = fields.require("extent"), fields.span("extent")
    if isinstance(value, Known) and t.is_integer(value.type):
        return fields.number("extent", 0, MAX_EXTENT) or 0
    return an.coerce(value, t.U16, span)


def _stride(an, fields: Fields) -> Part:
    value = fields.get("stride")
    if value is None:
        return 1
    if isinstance(value, Known) and t.is_integer(value.type):
        return fields.number("stride", -128, 127) or 0
    return an.coerce(value, t.I8, fields.span("stride"))


def _tuple(an, fields: Fields, name: str, least: int, most: int) -> list[int]:
    """A field of one to four known integers."""
    value, span = fields.require(name), fields.span(name)
    is_tuple = isinstance(value.type, t.StructType) and value.type.is_tuple
    if not isinstance(value, Known) or not (is_tuple or isinstance(value.type, t.ArrayType)):
        raise an.error(span, f"'.{name}' of {fields.what} must be a tuple of known integers, found '{value.type}'")
    if not 1 <= len(value.value) <= 4:
        raise an.error(span, f"'.{name}' has {len(value.value)} numbers: expected 1 to 4")
    for number in value.value:
        if not isinstance(number, int) or not least <= number <= most:
            raise an.error(span, f"'.{name}' holds {number}: expected {least} to {most}")
    return list(value.value)


# -------------------------------------------------------------------------------------------- fabric


def _fabin(an, node, fields: Fields) -> Parts:
    color, queue = _color(an, fields), fields.known("input_queue", t.NAMED["input_queue"])
    if queue is None:
        if an.unit.arch == "wse3" or color is None:
            raise an.error(node.span, "'.input_queue' is missing in the fields of a fabin_dsd")
        queue = _queue_of_color(an, color)
    if color is not None:
        queues.record(an).used.setdefault(queue, []).append(color)
        _check_later(an, fields, "input_queues", queue, color)
    return Parts(queue, _extent(an, fields), NO_COLOR if color is None else color, flags=_flags(an, fields))


def _fabout(an, node, fields: Fields) -> Parts:
    color, queue = _color(an, fields), fields.known("output_queue", t.NAMED["output_queue"])
    if an.unit.arch == "wse3":
        if queue is None:
            raise an.error(node.span, "'.output_queue' is missing in the fields of a fabout_dsd")
        if color is not None:
            _check_later(an, fields, "output_queues", queue, color)
    elif color is None:
        raise an.error(node.span, "'.fabric_color' is missing in the fields of a fabout_dsd; WSE-2 needs it")
    return Parts(queue or 0, _extent(an, fields), NO_COLOR if color is None else color, flags=_flags(an, fields))


def _queue_of_color(an, color: int) -> int:
    """WSE-2: the queue that is bound to a color, for DSDs that name only the color."""
    return next((queue for bound, queue, _ in queues.record(an).colors if bound == color), 0)


def _color(an, fields: Fields) -> int | None:
    color = fields.known("fabric_color", t.COLOR)
    if color is not None:
        check_routable(an, color, fields.span("fabric_color"))
    return color


def _check_later(an, fields: Fields, table: str, queue: int, color: int) -> None:
    """Once all queues are initialised: on WSE-3 the color of a DSD must be that of its queue."""
    span = fields.span("fabric_color")

    def check() -> None:
        for binding in getattr(an.unit.program.ir, table):
            if an.unit.arch == "wse3" and binding.queue == queue and binding.color not in (None, color):
                word = table.replace("_", " ").removesuffix("s")
                an.error(span, f"'.fabric_color' is {color}, but {word} {queue} is bound to color {binding.color}")

    an.unit.at_end.append(check)


def _flags(an, fields: Fields) -> int:
    flags = 0
    for name in ("wavelet_index_offset", "control", "advance_switch", "control_transform"):
        if fields.flag(name):
            flags |= FLAGS[name]
    if "priority" in fields and an.unit.arch != "wse3":
        raise an.error(fields.span("priority"), "on WSE-2 '.priority' belongs to the operation, not to the DSD")
    flags |= queues.priority_number(fields) << PRIORITY_SHIFT
    simd = fields.choice("simd_mode", SIMD_MODES)
    if simd is not None:
        flags |= min(SIMD_MODES.index(simd) + 1, 3) << SIMD_SHIFT
    zero = Fields.of(fields, "zero", ("first_source", "second_source"))
    for name in ("first_source", "second_source"):
        if zero is not None and zero.flag(name):
            flags |= FLAGS[f"zero_{name}"]
    return flags


_MAKERS = {
    "mem1d_dsd": _mem1d,
    "mem4d_dsd": _mem4d,
    "circbuf_dsd": _circbuf,
    "fabin_dsd": _fabin,
    "fabout_dsd": _fabout,
}


# ------------------------------------------------------------------------------------------- changing


def _dsd(an, node, kinds: tuple[str, ...]) -> Operand:
    dsd = an.eval(node.args[0])
    if str(dsd.type) not in kinds:
        raise an.error(node.args[0].span, f"@{node.name} needs one of: {', '.join(kinds)}; found '{dsd.type}'")
    return dsd


@builtin("set_dsd_base_addr", 2)
def set_dsd_base_addr(an, node, want):
    dsd = _dsd(an, node, ("mem1d_dsd", "mem4d_dsd"))
    place = an.analyse(node.args[1])
    if not isinstance(place.type, t.ArrayType):
        place = an.load(place, node.args[1].span)
    address, _element = pointer_of(an, place, node.args[1].span)
    return change(an, dsd, "dsdbase", address, node.span)


@builtin("set_dsd_length", 2)
def set_dsd_length(an, node, want):
    dsd = _dsd(an, node, ("mem1d_dsd", "circbuf_dsd", "fabin_dsd", "fabout_dsd"))
    return change(an, dsd, "dsdlen", _u16(an, node.args[1], MAX_EXTENT), node.span)


@builtin("set_dsd_stride", 2)
def set_dsd_stride(an, node, want):
    dsd = _dsd(an, node, ("mem1d_dsd",))
    return change(an, dsd, "dsdstride", an.eval_as(node.args[1], t.I8), node.span)


def _u16(an, expr, most: int) -> Operand:
    value = an.eval_as(expr, t.U16)
    if isinstance(value, Known) and an.defined(value, expr.span) > most:
        raise an.error(expr.span, f"{value.value} is out of range: expected 0 to {most}")
    return value


@builtin("increment_dsd_offset", 3)
def increment_dsd_offset(an, node, want):
    """The base moves by an offset that counts elements of the type given."""
    dsd = _dsd(an, node, MEMORY_KINDS)
    offset = an.eval(node.args[1], t.I16)
    words = element_words(an, an.type_of(node.args[2]), node.args[2].span)
    if not (isinstance(offset.type, t.IntType) and offset.type.bits == 16):
        offset = an.coerce(offset, t.I16, node.args[1].span)
    if isinstance(dsd, Known) and isinstance(offset, Known):
        base = (dsd.value + an.defined(offset, node.span) * words) & 0xFFFF
        return Known(dsd.type, an.defined(dsd, node.span) & ~0xFFFF | base)
    if an.comptime:
        raise an.not_known(node.span, "this DSD")
    a, b = an.operand(dsd, node.span), an.operand(offset, node.span)
    return an.result(node.span, "dsdinc", dsd.type, a=a, b=b, imm=words)
