"""Records of `<debug>` as the host reads them."""

import numpy as np
import pytest

from wafersim.runtime.debug_util import decode_trace
from wafersim.runtime.errors import SdkError

RECORDS = [
    ([0x0101], True),
    ([0x02FF], 255),
    ([0x03FF], -1),
    ([0x0400, 65535], 65535),
    ([0x0500, 65535], -1),
    ([0x0600, 0x3C00], 1.0),
    ([0x0700, 1, 2], 0x20001),
    ([0x0800, 0xFFFF, 0xFFFF], -1),
    ([0x0900, 0, 0x3F80], 1.0),
    ([0x0A03, 0x6261, 0x0063], "abc"),
    ([0x0A00], ""),
    ([0x0B00, 1, 2, 3], 1 | 2 << 16 | 3 << 32),
]


@pytest.mark.parametrize(("words", "value"), RECORDS, ids=[str(value) for _, value in RECORDS])
def test_each_record(words, value):
    assert decode_trace(np.array([len(words), *words, 99], dtype=np.uint16)) == [value]


def test_records_follow_each_other():
    words = [word for record, _ in RECORDS for word in record]
    assert decode_trace(np.array([len(words), *words], dtype=np.uint16)) == [value for _, value in RECORDS]


def test_damaged_buffer_names_the_word():
    with pytest.raises(SdkError, match="word 1 of the trace buffer is 32512, which is no record"):
        decode_trace(np.array([1, 0x7F00], dtype=np.uint16))
