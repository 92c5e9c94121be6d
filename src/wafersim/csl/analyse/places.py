"""Places: reading, writing, addresses, fields, elements, pointers.

A place is a local in a register (`Variable`), PE memory (`Memory`) or compile-time memory (`Slot`). Fields
and elements of known values are known; those of places are places again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wafersim.csl import ast
from wafersim.csl import types as t
from wafersim.csl.analyse import iterations
from wafersim.csl.analyse.operands import Aggregate, Known, Memory, Operand, Place, Reg, Slot, TensorOf, Variable
from wafersim.csl.comptime import encode
from wafersim.csl.comptime.memory import Ref, new_cell
from wafersim.csl.comptime.values import UNDEFINED_VALUE, Address, UnionValue
from wafersim.csl.diagnostics import InternalError
from wafersim.csl.source import Span
from wafersim.ir.program import NONE

if TYPE_CHECKING:
    from wafersim.csl.analyse.analyser import Analyser
    from wafersim.csl.analyse.program import GlobalVar

INLINE_WORDS = 8
"""Known aggregates of up to so many words are written word by word, larger ones copied from constant data."""


# -------------------------------------------------------------------------------------------- reading


def load(an: Analyser, operand: Operand, span: Span) -> Operand:
    """The value in a place; values unchanged, aggregates in PE memory stay where they are."""
    match operand:
        case Variable(ty, register):
            if an.comptime:
                raise an.not_known(span, "this variable")
            return Reg(ty, register, temporary=False)
        case Slot(ty, ref):
            return Known(ty, ref.load())
        case Memory(ty):
            return _load_memory(an, operand, span)
    return operand


def _load_memory(an: Analyser, place: Memory, span: Span) -> Operand:
    if an.comptime or an.builder is None:
        known = _known_content(an, place)
        if known is not None:
            return known
        what = f"the variable '{place.variable.name}'" if place.variable else "memory"
        raise an.not_known(span, f"the value of {what}" if place.variable else what)
    if place.type == t.VOID:
        return Known(t.VOID, None)
    if t.is_aggregate(place.type):
        return place
    if place.type == t.ANYOPAQUE:
        raise an.error(span, "a pointer to anyopaque cannot be dereferenced: use '@ptrcast' first")
    base, offset = _base_and_offset(an, place)
    return an.result(span, "load", place.type, a=base, imm=offset)


def _known_content(an: Analyser, place: Memory) -> Known | None:
    """The content of constant data, which compile-time code may read through a pointer."""
    variable = place.variable
    if variable is None or not variable.const or place.base != NONE or isinstance(place.type, t.FnType):
        return None
    if place.offset == 0 and place.type == variable.type:
        return Known(place.type, variable.initial)
    try:
        words = encode.value_words(variable.type, variable.initial, an.unit.program.function_index)
    except encode.NotEncodable:
        return None
    part = words[place.offset : place.offset + t.words(place.type)]
    return Known(place.type, encode.value_from_words(place.type, part))


def _base_and_offset(an: Analyser, place: Memory) -> tuple[int, int]:
    """Operand and immediate of the load or store instruction that reaches a place."""
    start = an.unit.program.address_of(place.variable) if place.variable else 0
    if place.base != NONE:
        return place.base, start + place.offset
    if place.variable is not None:
        return an.unit.program.constant(start), place.offset
    return an.unit.program.constant(place.offset), 0


# -------------------------------------------------------------------------------------------- writing


def store(an: Analyser, place: Operand, value: Operand, span: Span) -> None:
    """Write a value, already of the place's type."""
    match place:
        case Slot(_, ref):
            _store_slot(an, place, ref, value, span)
        case Variable(ty, register):
            builder = an.runtime_only(span, "changing this variable")
            if isinstance(value, Known) and value.value is UNDEFINED_VALUE:
                return
            temporary = isinstance(value, Reg) and value.temporary
            builder.move(span, t.ir_type(ty), register, an.operand(value, span), temporary)
        case Memory():
            an.runtime_only(span, "writing to PE memory")
            store_memory(an, place, value, span)
        case _:
            raise InternalError(f"no place: {place}")


def _store_slot(an: Analyser, place: Slot, ref: Ref, value: Operand, span: Span) -> None:
    if an.depth > place.depth:
        raise an.error(span, "a compile-time variable cannot change under a condition known only at run time")
    if not isinstance(value, Known):
        raise an.not_known(span, "the value assigned to a compile-time variable")
    iterations.changes(an.unit, ref)
    ref.store(value.value)


def store_memory(an: Analyser, place: Memory, value: Operand, span: Span) -> None:
    """Emit the stores of a value into PE memory, without looking whether the place is constant."""
    if isinstance(value, Known) and value.value is UNDEFINED_VALUE:
        return
    if not t.is_aggregate(place.type):
        if place.type != t.VOID:
            base, offset = _base_and_offset(an, place)
            an.emit(span, "store", place.type, a=base, b=an.operand(value, span), imm=offset)
    elif isinstance(value, Aggregate):
        for position, part in enumerate(value.parts):
            store_memory(an, _part_of(place, position), load(an, part, span), span)
    elif isinstance(value, Known):
        _store_known(an, place, value, span)
    else:
        _copy(an, place, in_pe_memory(an, value, span), span)


def _part_of(place: Memory, position: int) -> Memory:
    ty = place.type
    if isinstance(ty, t.ArrayType):
        return place.part(ty.element, position * t.words(ty.element))
    assert isinstance(ty, t.StructType)
    return place.part(ty.fields[position][1], t.field_offset(ty, position))


def _store_known(an: Analyser, place: Memory, value: Known, span: Span) -> None:
    size = t.words(value.type)
    if isinstance(value.type, t.StructType) and value.type.is_union:
        name_and_type = value.type.fields[value.value.active]
        store_memory(an, place.part(name_and_type[1], 0), Known(name_and_type[1], value.value.value), span)
    elif size <= INLINE_WORDS:
        for position, payload in enumerate(value.value):
            part = _part_of(place, position)
            store_memory(an, part, Known(part.type, payload), span)
    elif not _fill(an, place, value, span):
        _copy(an, place, in_pe_memory(an, value, span), span)


def _fill(an: Analyser, place: Memory, value: Known, span: Span) -> bool:
    """Write equal scalar elements by a loop; False if the elements differ."""
    from wafersim.csl.analyse.builder import Label

    ty = value.type
    if not isinstance(ty, t.ArrayType) or t.is_aggregate(ty.element):
        return False
    first = encode.value_words(ty.element, value.value[0], an.unit.program.function_index)
    if any(item is not value.value[0] and item != value.value[0] for item in value.value):
        return False
    if any(encode.value_words(ty.element, item, an.unit.program.function_index) != first for item in value.value):
        return False
    builder = an.runtime_only(span, "this")
    constant = an.unit.program.constant
    address = builder.new_register()
    start = an.operand(address_of(an, place, span, const=False), span)
    builder.emit(span, "mov", t.ir_type(t.U16), dst=address, a=start)
    end = an.result(span, "add", t.U16, a=address, b=constant(t.words(ty)))
    body = Label()
    builder.bind(body)
    content = an.operand(Known(ty.element, value.value[0]), span)
    builder.emit(span, "store", t.ir_type(ty.element), a=address, b=content)
    builder.emit(span, "add", t.ir_type(t.U16), dst=address, a=address, b=constant(t.words(ty.element)))
    more = an.result(span, "ne", t.U16, a=address, b=end.operand)
    builder.branch(span, more.operand, body, when=True)
    return True


def _copy(an: Analyser, place: Memory, source: Memory, span: Span) -> None:
    size = t.words(place.type)
    if size:
        target = an.operand(address_of(an, place, span, const=False), span)
        origin = an.operand(address_of(an, source, span, const=True), span)
        an.emit(span, "copy", a=target, b=origin, imm=size)


# ------------------------------------------------------------------------------------------ addresses


def address_of(an: Analyser, place: Operand, span: Span, *, const: bool) -> Operand:
    """A pointer to a place: what `&place` gives."""
    match place:
        case Memory(ty, base, offset, variable):
            pointer = t.PointerType(ty, const=place.const or const)
            start = an.unit.program.address_of(variable) if variable else 0
            if base == NONE:
                return Known(pointer, Address((start + offset) & 0xFFFF, variable))
            if start + offset == 0:
                return Reg(pointer, base, temporary=False)
            return an.result(span, "add", pointer, a=base, b=an.unit.program.constant(start + offset))
        case Slot(ty, ref):
            return Known(t.PointerType(ty, const=place.const or const), ref)
        case Variable():
            raise InternalError("the address of a local in a register was taken")
        case Known() if isinstance(place.type, t.FnType):
            return Known(t.PointerType(place.type, const=True), place.value)
        case Known() if an.comptime and t.is_aggregate(place.type) and place.type.comptime_only:
            return Known(t.PointerType(place.type, const=True), new_cell(place.value))
    return address_of(an, in_pe_memory(an, place, span), span, const=const)


def in_pe_memory(an: Analyser, operand: Operand, span: Span) -> Memory:
    """The operand as a place in PE memory: known values become constant data, others go to the frame."""
    if isinstance(operand, Memory):
        return operand
    if isinstance(operand, Slot):
        operand = load(an, operand, span)
    if operand.type.comptime_only:
        raise an.error(span, f"a value of type '{operand.type}' exists only at compile time")
    if isinstance(operand, Known):
        variable = constant_variable(an, operand, "constant", span)
        return Memory(operand.type, variable=variable, const=True)
    place = frame_place(an, operand.type, span)
    store_memory(an, place, operand, span)
    return place


def constant_variable(an: Analyser, known: Known, name: str, span: Span) -> GlobalVar:
    try:
        return an.unit.program.constant_data(known.type, known.value, an.module.symbol(name), span)
    except encode.NotEncodable as problem:
        raise an.error(span, str(problem)) from None


def frame_place(an: Analyser, ty: t.Type, span: Span) -> Memory:
    """New room for a value in the stack frame of the current function."""
    builder = an.runtime_only(span, f"a variable of type '{ty}'")
    offset = builder.reserve_frame(t.words(ty))
    address = builder.new_register()
    builder.emit(span, "frame", dst=address, imm=offset)
    return Memory(ty, base=address)


def dereference(an: Analyser, pointer: Operand, span: Span) -> Operand:
    """The place a pointer points to."""
    ty = pointer.type
    if not isinstance(ty, t.PointerType):
        raise an.error(span, f"'.*' needs a pointer, found '{ty}'")
    if ty.many:
        raise an.error(span, f"'{ty}' points to many items: use an index instead of '.*'")
    return _pointed(an, pointer, ty.pointee, span)


def _pointed(an: Analyser, pointer: Operand, pointee: t.Type, span: Span) -> Operand:
    ty = pointer.type
    assert isinstance(ty, t.PointerType)
    if isinstance(pointer, Known):
        value = an.defined(pointer, span)
        if isinstance(value, Ref):
            return Slot(pointee, value, const=ty.const)
        if isinstance(value, Address):
            start = value.variable.address if value.variable else 0
            return Memory(pointee, offset=value.word - start, variable=value.variable, const=ty.const)
        return Known(pointee, value)
    if pointee == t.ANYOPAQUE:
        raise an.error(span, "a pointer to anyopaque cannot be dereferenced: use '@ptrcast' first")
    return Memory(pointee, base=an.operand(pointer, span), const=ty.const)


# ------------------------------------------------------------------------------------- fields, elements


def field_at(an: Analyser, operand: Operand, position: int, span: Span) -> Operand:
    """A field of a struct, union or tuple."""
    ty = operand.type
    assert isinstance(ty, t.StructType)
    field = ty.fields[position][1]
    match operand:
        case Aggregate(_, parts):
            return parts[position]
        case Memory():
            return operand.part(field, t.field_offset(ty, position))
        case Slot(_, ref) if not ty.is_union:
            if ref.slots[ref.index] is UNDEFINED_VALUE:
                iterations.changes(an.unit, ref)
                ref.store((UNDEFINED_VALUE,) * len(ty.fields))
            return Slot(field, ref.part(position), operand.const, operand.depth)
        case Slot():
            return field_at(an, load(an, operand, span), position, span)
        case Known(_, value):
            return Known(field, _field_payload(an, ty, value, position, span))
    raise InternalError(f"field of {operand}")


def _field_payload(an: Analyser, ty: t.StructType, value: Any, position: int, span: Span) -> Any:
    if value is UNDEFINED_VALUE:
        return UNDEFINED_VALUE
    if isinstance(value, UnionValue):
        if value.active != position:
            active = ty.fields[value.active][0]
            raise an.error(span, f"field '{ty.fields[position][0]}' is not active: the union holds '{active}'")
        return value.value
    return value[position]


def element_at(an: Analyser, operand: Operand, indices: list[Operand], spans: list[Span], span: Span) -> Operand:
    """An element of an array, of what a pointer points to, or of a tuple."""
    ty = operand.type
    if isinstance(ty, t.PointerType):
        return _pointer_element(an, load(an, operand, span), indices, spans, span)
    if isinstance(ty, t.StructType) and ty.is_tuple:
        return _tuple_element(an, operand, indices, span)
    if not isinstance(ty, t.ArrayType):
        raise an.error(span, f"a value of type '{ty}' has no elements")
    if len(indices) != len(ty.dims):
        raise an.error(span, f"'{ty}' needs {len(ty.dims)} indices, found {len(indices)}")
    for position, extent in enumerate(ty.dims):
        _check_index(an, indices[position], extent, spans[position])
    if all(isinstance(index, Known) for index in indices):
        position = 0
        for index, extent in zip(indices, ty.dims, strict=True):
            position = position * extent + an.require_known(index, span).value
        return _known_element(an, operand, position, span)
    if an.comptime:
        raise an.not_known(span, "this index")
    for position, extent in enumerate(ty.dims):
        _check_at_run_time(an, indices[position], extent, spans[position])
    flat = _flat_index(an, indices, ty.dims, span)
    return _indexed(an, in_pe_memory(an, operand, span), flat, ty.element, span)


def _check_index(an: Analyser, index: Operand, extent: int | None, span: Span) -> None:
    if not t.is_integer(index.type):
        raise an.error(span, f"an index must be an integer, found '{index.type}'")
    if isinstance(index, Known):
        value = an.defined(index, span)
        if extent is not None and not 0 <= value < extent:
            raise an.error(span, f"index {value} is out of range for {extent} elements")


def _check_at_run_time(an: Analyser, index: Operand, extent: int, span: Span) -> None:
    """A run-time index faults outside of the array."""
    if not isinstance(index, Known) and index.type != t.BOOL:
        an.emit(span, "index", index.type, a=an.operand(index, span), imm=extent)


def _known_element(an: Analyser, operand: Operand, position: int, span: Span) -> Operand:
    ty = operand.type
    assert isinstance(ty, t.ArrayType)
    match operand:
        case Known(_, value):
            return Known(ty.element, UNDEFINED_VALUE if value is UNDEFINED_VALUE else value[position])
        case Aggregate(_, parts):
            return parts[position]
        case Slot(_, ref):
            if ref.slots[ref.index] is UNDEFINED_VALUE:
                iterations.changes(an.unit, ref)
                ref.store((UNDEFINED_VALUE,) * ty.count)
            return Slot(ty.element, ref.part(position), operand.const, operand.depth)
        case Memory():
            return operand.part(ty.element, position * t.words(ty.element))
    raise InternalError(f"element of {operand}")


def _tuple_element(an: Analyser, operand: Operand, indices: list[Operand], span: Span) -> Operand:
    ty = operand.type
    assert isinstance(ty, t.StructType)
    if len(indices) != 1 or not isinstance(indices[0], Known):
        raise an.not_known(span, "the index of a tuple element")
    _check_index(an, indices[0], len(ty.fields), span)
    return field_at(an, operand, an.require_known(indices[0], span).value, span)


def _pointer_element(
    an: Analyser, pointer: Operand, indices: list[Operand], spans: list[Span], span: Span
) -> Operand:
    ty = pointer.type
    assert isinstance(ty, t.PointerType)
    if not ty.many:
        return element_at(an, _pointed(an, pointer, ty.pointee, span), indices, spans, span)
    if len(indices) != 1:
        raise an.error(span, f"'{ty}' takes one index, found {len(indices)}")
    index = indices[0]
    _check_index(an, index, None, spans[0])
    if isinstance(pointer, Known) and isinstance(an.defined(pointer, span), Ref):
        return _slot_element(an, pointer, ty, index, span)
    start = _pointed(an, pointer, ty.pointee, span)
    assert isinstance(start, Memory)
    if isinstance(index, Known):
        return start.part(ty.pointee, index.value * t.words(ty.pointee))
    return _indexed(an, start, index, ty.pointee, span)


def _slot_element(an: Analyser, pointer: Known, ty: t.PointerType, index: Operand, span: Span) -> Slot:
    ref, position = pointer.value, an.require_known(index, span).value
    if not 0 <= ref.index + position < len(ref.slots):
        raise an.error(span, f"index {position} is out of range")
    return Slot(ty.pointee, Ref(ref.slots, ref.index + position, ref.cell), const=ty.const)


def _flat_index(an: Analyser, indices: list[Operand], dims: tuple[int, ...], span: Span) -> Operand:
    """Row-major element number of run-time indices, as a 16-bit value."""
    flat: Operand | None = None
    for index, extent in zip(indices, dims, strict=True):
        word = _as_word(an, index, span)
        if flat is None:
            flat = word
            continue
        scaled = _scale(an, flat, extent, span)
        if isinstance(scaled, Known) and isinstance(word, Known):
            flat = Known(t.U16, (scaled.value + word.value) & 0xFFFF)
        elif isinstance(word, Known) and word.value == 0:
            flat = scaled
        else:
            flat = an.result(span, "add", t.U16, a=an.operand(scaled, span), b=an.operand(word, span))
    assert flat is not None
    return flat


def _as_word(an: Analyser, index: Operand, span: Span) -> Operand:
    """An index as a 16-bit number; negative ones wrap, as addresses do."""
    if isinstance(index, Known):
        return Known(t.U16, index.value & 0xFFFF)
    if t.words(index.type) > 1:
        return an.cast(index, t.U16, span)
    return index


def _scale(an: Analyser, index: Operand, factor: int, span: Span) -> Operand:
    if isinstance(index, Known):
        return Known(t.U16, index.value * factor & 0xFFFF)
    if factor == 1:
        return index
    value, constant = an.operand(index, span), an.unit.program.constant
    if factor & (factor - 1) == 0:
        return an.result(span, "shl", t.U16, a=value, b=constant(factor.bit_length() - 1))
    return an.result(span, "mul", t.U16, a=value, b=constant(factor))


def _indexed(an: Analyser, start: Memory, index: Operand, element: t.Type, span: Span) -> Memory:
    """The place of a run-time element: index register plus the start, as the addressing mode allows."""
    offset = _scale(an, _as_word(an, index, span), t.words(element), span)
    if isinstance(offset, Known):
        return start.part(element, offset.value)
    register = an.operand(offset, span)
    if start.base != NONE:
        register = an.result(span, "add", t.U16, a=start.base, b=register).operand
    return Memory(element, register, start.offset, start.variable, start.const)


# -------------------------------------------------------------------------------------- tensor accesses


def tensor_access(an: Analyser, node: ast.TensorAccess, want: t.Type | None) -> Operand:
    """`|i, j|{n, m} -> a[...]`: the elements that an affine index expression walks over."""
    reason = "a tensor access is evaluated at compile time"
    extents = [an.known_int(extent, reason, 0) for extent in node.extents]
    if not isinstance(node.body, ast.Index):
        raise an.error(node.body.span, "a tensor access ends in an element of an array: '-> a[...]'")
    array = an.analyse(node.body.operand)
    if isinstance(array.type, t.PointerType) and not array.type.many:
        array = _pointed(an, load(an, array, node.body.operand.span), array.type.pointee, node.body.span)
    element = t.element_type_of(array.type)
    if element is None:
        raise an.error(node.body.operand.span, f"a value of type '{array.type}' has no elements")
    start = _tensor_start(an, array, node.body.operand.span)
    origin = _flat_position(an, node, array.type, [0] * len(extents))
    strides = []
    for axis in range(len(extents)):
        at = [int(other == axis) for other in range(len(extents))]
        stride = _flat_position(an, node, array.type, at) - origin
        twice = [2 * step for step in at]
        if extents[axis] > 2 and _flat_position(an, node, array.type, twice) - origin != 2 * stride:
            raise an.error(node.body.span, f"the index is not linear in '{node.names[axis]}'")
        strides.append(stride)
    return TensorOf(t.TENSOR, start.part(element, 0), origin, tuple(extents), tuple(strides))


def _tensor_start(an: Analyser, array: Operand, span: Span) -> Memory:
    if isinstance(array.type, t.PointerType):
        pointer = load(an, array, span)
        return in_pe_memory(an, _pointed(an, pointer, array.type.pointee, span), span)
    return in_pe_memory(an, array, span)


def _flat_position(an: Analyser, node: ast.TensorAccess, ty: t.Type, at: list[int]) -> int:
    """Element number that the index expression names for given induction variables."""
    assert isinstance(node.body, ast.Index)
    dims = ty.dims if isinstance(ty, t.ArrayType) else (0,)
    if len(node.body.indices) != len(dims):
        raise an.error(node.body.span, f"'{ty}' needs {len(dims)} indices, found {len(node.body.indices)}")
    flat = 0
    with an.new_scope():
        for name, value in zip(node.names, at, strict=True):
            an.declare(name, Known(t.COMPTIME_INT, value), node.span)
        for index, extent in zip(node.body.indices, dims, strict=True):
            flat = flat * extent + an.known_int(index, "the index of a tensor access is evaluated at compile time")
    return flat


def assignable(an: Analyser, place: Operand, span: Span) -> Place:
    """The operand as the left side of an assignment, or an error."""
    if not isinstance(place, Place):
        names = isinstance(place, Known) and span.text.isidentifier()
        what = f"'{span.text}' is no variable and" if names else "this value"
        raise an.error(span, f"{what} cannot be assigned to")
    if isinstance(place, (Memory, Slot)) and place.const:
        raise an.error(span, "this is constant and cannot be assigned to")
    return place
