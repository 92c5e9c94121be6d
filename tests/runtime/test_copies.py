"""Copies, broadcasts, streams and launches on the engine: data, orders, widths, refused arguments."""

import numpy as np
import pytest

from wafersim.runtime.enums import MemcpyDataType, MemcpyOrder
from wafersim.runtime.errors import SdkError, SdkTypeError
from wafersim.runtime.sdk_utils import memcpy_view

W, H = 3, 2
ROW, COL = MemcpyOrder.ROW_MAJOR, MemcpyOrder.COL_MAJOR
BITS32, BITS16 = MemcpyDataType.MEMCPY_32BIT, MemcpyDataType.MEMCPY_16BIT


def options(streaming=False, order=ROW, data_type=BITS32, nonblock=False):
    return {"streaming": streaming, "order": order, "data_type": data_type, "nonblock": nonblock}


def read(runtime, name, count, order=ROW, data_type=BITS32, region=(0, 0, W, H), dtype=np.uint32):
    values = np.zeros(region[2] * region[3] * count, dtype)
    runtime.memcpy_d2h(values, runtime.get_id(name), *region, count, **options(order=order, data_type=data_type))
    return values


# --------------------------------------------------------------------------------------------------- copies


@pytest.mark.parametrize("order", list(MemcpyOrder))
def test_copy_there_and_back(runtime, order):
    source = np.arange(W * H * 4, dtype=np.float32)
    runtime.memcpy_h2d(runtime.get_id("words"), source, 0, 0, W, H, 4, **options(order=order))
    assert np.array_equal(read(runtime, "words", 4, order, dtype=np.float32), source)


def test_each_pe_gets_its_part(runtime):
    grid = np.arange(W * H * 4, dtype=np.uint32).reshape(H, W, 4)
    runtime.memcpy_h2d(runtime.get_id("words"), grid.ravel(), 0, 0, W, H, 4, **options())
    assert runtime.read_symbol(2, 1, "words", "uint32").tolist() == grid[1, 2].tolist()
    by_column = read(runtime, "words", 4, COL).reshape((H, W, 4), order="F")
    assert np.array_equal(by_column, grid)


def test_region(runtime):
    runtime.memcpy_h2d(runtime.get_id("words"), np.array([9, 8, 7, 6], np.uint32), 1, 0, 1, 2, 2, **options())
    values = read(runtime, "words", 4).reshape(H, W, 4)
    assert values[0].tolist() == [[1, 2, 3, 4], [9, 8, 3, 4], [1, 2, 3, 4]]
    assert values[1].tolist() == [[1, 2, 3, 4], [7, 6, 3, 4], [1, 2, 3, 4]]


def test_16_bit_uses_the_low_half(runtime):
    container = np.full(W * H * 5, 0xABCD0000, np.uint32)
    memcpy_view(container, np.int16)[:] = np.arange(-15, 15)
    runtime.memcpy_h2d(runtime.get_id("halves"), container, 0, 0, W, H, 5, **options(data_type=BITS16))
    assert runtime.read_symbol(0, 1, "halves", np.int16).tolist() == [0, 1, 2, 3, 4]
    back = read(runtime, "halves", 5, data_type=BITS16)
    assert (back >> 16 == 0).all()
    assert memcpy_view(back, np.dtype(np.int16)).tolist() == list(range(-15, 15))


def test_source_is_taken_when_the_copy_is_submitted(runtime):
    source = np.array([1, 1, 1, 1], np.uint32)
    task = runtime.memcpy_h2d(runtime.get_id("words"), source, 0, 0, 1, 1, 4, **options(nonblock=True))
    source[:] = 5
    runtime.task_wait(task)
    assert runtime.read_symbol(0, 0, "words", "uint32").tolist() == [1, 1, 1, 1]


def test_shaped_arrays_are_flattened(runtime):
    runtime.memcpy_h2d(runtime.get_id("words"), np.full((H, W, 4), 3, np.uint32), 0, 0, W, H, 4, **options())
    values = np.zeros((H * W * 4, 1), np.uint32)
    runtime.memcpy_d2h(values, runtime.get_id("words"), 0, 0, W, H, 4, **options())
    assert (values == 3).all()


def test_pointer_is_followed_when_the_copy_happens(runtime):
    runtime.launch("swap")
    assert read(runtime, "words", 4, region=(0, 0, 1, 1)).tolist() == [50, 60, 70, 80]


@pytest.mark.parametrize("order", list(MemcpyOrder))
def test_rowbcast_repeats_a_column(runtime, order):
    column = np.arange(H * 4, dtype=np.uint32).reshape(H, 1, 4)
    flat = column.ravel(order="C" if order == ROW else "F")
    runtime.memcpy_h2d_rowbcast(runtime.get_id("words"), flat, 0, 0, W, H, 4, **options(order=order))
    assert np.array_equal(read(runtime, "words", 4).reshape(H, W, 4), np.repeat(column, W, axis=1))


@pytest.mark.parametrize("order", list(MemcpyOrder))
def test_colbcast_repeats_a_row(runtime, order):
    row = np.arange(W * 4, dtype=np.uint32).reshape(1, W, 4)
    flat = row.ravel(order="C" if order == ROW else "F")
    runtime.memcpy_h2d_colbcast(runtime.get_id("words"), flat, 0, 0, W, H, 4, **options(order=order))
    assert np.array_equal(read(runtime, "words", 4).reshape(H, W, 4), np.repeat(row, H, axis=0))


def test_stride_leaves_pes_out(runtime):
    source = np.array([10, 11, 20, 21], np.uint32)
    runtime.memcpy_h2d_stride(runtime.get_id("words"), source, 0, 0, W, H, 2, 2, 2, **options())
    values = read(runtime, "words", 2).reshape(H, W, 2)
    assert values[0].tolist() == [[10, 11], [1, 2], [20, 21]]
    assert values[1].tolist() == [[1, 2]] * 3


# -------------------------------------------------------------------------------------------------- streams


@pytest.mark.parametrize("order", list(MemcpyOrder))
@pytest.mark.parametrize("data_type", list(MemcpyDataType))
def test_stream_there_and_back_keeps_all_32_bits(runtime, order, data_type):
    source = np.arange(W * H * 6, dtype=np.uint32) * 0x01010101
    target = np.zeros_like(source)
    choice = {"streaming": True, "order": order, "data_type": data_type}
    sent = runtime.memcpy_h2d(2, source, 0, 0, W, H, 6, **choice, nonblock=True)
    runtime.memcpy_d2h(target, 3, 0, 0, W, H, 6, **choice, nonblock=False)
    assert np.array_equal(target, ~source)
    assert runtime.is_task_done(sent)


def test_stream_from_part_of_the_pes(runtime):
    choice = options(streaming=True)
    target = np.zeros(3, np.uint32)
    runtime.memcpy_h2d(2, np.array([1, 2, 3], np.uint32), 2, 1, 1, 1, 3, **choice)
    runtime.memcpy_d2h(target, 3, 2, 1, 1, 1, 3, **choice)
    assert (~target).tolist() == [1, 2, 3]


def test_streams_from_the_device_may_be_asked_for_first(runtime):
    target = np.zeros(3, np.uint32)
    choice = options(streaming=True, nonblock=True)
    task = runtime.memcpy_d2h(target, 3, 0, 0, 1, 1, 3, **choice)
    runtime.memcpy_h2d(2, np.array([1, 2, 3], np.uint32), 0, 0, 1, 1, 3, **choice)
    runtime.task_wait(task)
    assert (~target).tolist() == [1, 2, 3]


@pytest.mark.parametrize("color", [-1, 24, 100])
def test_stream_needs_a_color(runtime, color):
    with pytest.raises(SdkError, match=f"dest is {color}, but with streaming=True it must be a color"):
        runtime.memcpy_h2d(color, np.zeros(1, np.uint32), 0, 0, 1, 1, 1, **options(streaming=True))


# ------------------------------------------------------------------------------------------------- launches


def test_launch_passes_arguments(runtime):
    runtime.launch("keep", np.int16(-3), np.float32(0.25), nonblock=False)
    assert runtime.read_symbol(1, 1, "arguments", "float32").tolist() == [-3.0, 0.25]


def test_call_passes_words(runtime):
    runtime.call("keep", [0xFFFD, 0x3E800000], nonblock=False)
    assert runtime.read_symbol(1, 1, "arguments", "float32").tolist() == [-3.0, 0.25]


def test_commands_keep_their_order(runtime):
    runtime.launch("add_place", nonblock=True)
    runtime.memcpy_h2d(runtime.get_id("words"), np.zeros(24, np.uint32), 0, 0, W, H, 4, **options(nonblock=True))
    runtime.launch("add_place", nonblock=True)
    assert read(runtime, "words", 1).tolist() == [0, 1, 2, 10, 11, 12]


def test_launch_of_no_function(runtime):
    with pytest.raises(SdkError, match=r"Cannot find exported function with name 'kep' .*keep"):
        runtime.launch("kep")
    with pytest.raises(SdkError, match="Cannot find exported function with name 'words'"):
        runtime.launch("words")


def test_launch_with_wrong_arguments(runtime):
    with pytest.raises(SdkError, match=r"argument 0 of 'keep' must be np\.int16"):
        runtime.launch("keep", np.int32(1), np.float32(2))
    with pytest.raises(SdkError, match="expected 2 arguments, got 0"):
        runtime.launch("keep")
    with pytest.raises(SdkTypeError, match="unexpected keyword argument 'blocking'"):
        runtime.launch("nothing", blocking=True)


# -------------------------------------------------------------------------------------------- refused arguments


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ((0, 0, 4, 1, 1), "h2d subrectangle must be inside the core rectangle: px=0, py=0, w=4, h=1 in 3 x 2 PEs"),
        ((3, 0, 1, 1, 1), "px=3"),
        ((-1, 0, 1, 1, 1), "px=-1"),
        ((0, 2, 1, 1, 1), "py=2"),
        ((0, 0, 0, 1, 1), "w must be positive, got 0"),
        ((0, 0, 1, -2, 1), "h must be positive, got -2"),
        ((0, 0, 1, 1, 0), "elem_per_pe must be positive, got 0"),
    ],
)
def test_regions(runtime, region, message):
    with pytest.raises(SdkError, match=message):
        runtime.memcpy_h2d(runtime.get_id("words"), np.zeros(4, np.uint32), *region, **options())


def test_region_of_d2h(runtime):
    with pytest.raises(SdkError, match="d2h subrectangle must be inside the core rectangle"):
        runtime.memcpy_d2h(np.zeros(4, np.uint32), 0, 2, 0, 2, 1, 2, **options())


def test_region_must_be_integers(runtime):
    with pytest.raises(SdkTypeError, match=r"px must be an integer, got 0\.5"):
        runtime.memcpy_h2d(0, np.zeros(4, np.uint32), 0.5, 0, 1, 1, 4, **options())


def test_sizes(runtime):
    with pytest.raises(SdkError, match=r"src has 5 elements, but .*elem_per_pe = 4"):
        runtime.memcpy_h2d(0, np.zeros(5, np.uint32), 0, 0, 1, 1, 4, **options())
    with pytest.raises(SdkError, match=r"dest has 3 elements, but w \* h \* elem_per_pe = 4"):
        runtime.memcpy_d2h(np.zeros(3, np.uint32), 0, 0, 0, 1, 1, 4, **options())
    with pytest.raises(SdkError, match=r"src has 24 elements, but 2 \* 1 \* elem_per_pe = 8"):
        runtime.memcpy_h2d_rowbcast(0, np.zeros(24, np.uint32), 0, 0, W, H, 4, **options())
    with pytest.raises(SdkError, match="row_stride or col_stride must be positive, got 0 and 1"):
        runtime.memcpy_h2d_stride(0, np.zeros(24, np.uint32), 0, 0, W, H, 4, 0, 1, **options())


def test_more_than_the_memory(runtime):
    with pytest.raises(SdkError, match="elem_per_pe is 20000: 'words' would take 40000 of 24576 words of memory"):
        runtime.memcpy_h2d(0, np.zeros(20000, np.uint32), 0, 0, 1, 1, 20000, **options())


@pytest.mark.parametrize("missing", ["streaming", "order", "data_type"])
def test_missing_options(runtime, missing):
    given = options()
    del given[missing]
    with pytest.raises(SdkTypeError, match=rf"memcpy_h2d\(\) missing required keyword argument '{missing}'"):
        runtime.memcpy_h2d(0, np.zeros(4, np.uint32), 0, 0, 1, 1, 4, **given)


def test_options_out_of_range(runtime):
    with pytest.raises(SdkError, match="Illegal data type option for memcpy: 8"):
        runtime.memcpy_h2d(0, np.zeros(4, np.uint32), 0, 0, 1, 1, 4, **options(data_type=8))
    with pytest.raises(SdkError, match="Illegal order option for memcpy: 'C'"):
        runtime.memcpy_h2d(0, np.zeros(4, np.uint32), 0, 0, 1, 1, 4, **options(order="C"))
    with pytest.raises(SdkTypeError, match="unexpected keyword argument 'async_'"):
        runtime.memcpy_h2d(0, np.zeros(4, np.uint32), 0, 0, 1, 1, 4, **options(), async_=True)


def test_symbols_that_cannot_be_copied(runtime):
    words = np.zeros(2, np.uint32)
    with pytest.raises(SdkError, match="there is no exported symbol with id 77"):
        runtime.memcpy_h2d(77, words, 0, 0, 1, 1, 2, **options())
    with pytest.raises(SdkError, match=r"symbol 'nothing' .* is a function: use launch"):
        runtime.memcpy_d2h(words, runtime.get_id("nothing"), 0, 0, 1, 1, 2, **options())
    with pytest.raises(SdkError, match="symbol 'fixed' is exported as read-only"):
        runtime.memcpy_h2d(runtime.get_id("fixed"), words, 0, 0, 1, 1, 2, **options())
    with pytest.raises(SdkTypeError, match="dest must be an integer, got None"):
        runtime.memcpy_h2d(runtime.get_id("typo"), words, 0, 0, 1, 1, 2, **options())


def test_destination_must_be_written_in_place(runtime):
    with pytest.raises(SdkTypeError, match="dest must be C-contiguous and writable"):
        runtime.memcpy_d2h(np.zeros((4, 2), np.uint32)[:, 0], 0, 0, 0, 1, 1, 4, **options())
    with pytest.raises(SdkTypeError, match="got dtype float64"):
        runtime.memcpy_d2h(np.zeros(4), 0, 0, 0, 1, 1, 4, **options())


def test_both_architectures_give_the_same_data(compiled, fresh):
    results = []
    for arch in ("wse2", "wse3"):
        runtime = fresh(compiled(arch))
        runtime.load()
        runtime.run()
        runtime.launch("add_place")
        results.append(read(runtime, "words", 4).tolist())
    assert results[0] == results[1]
