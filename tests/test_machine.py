"""Machine tables become settings; rows and presets that are wrong are refused by name."""

import pytest

from wafersim import machine
from wafersim.errors import MachineTableError, UsageError


def row(value):
    return {"value": value, "unit": "words", "source": "a test"}


def table(**changes):
    content = {"memory": {"words": row(24576)}, "queues": {"input_depth": row([6, 4])}, "presets": {"sim": {}}}
    return content | changes


def test_rows_lose_unit_and_source():
    found = machine.from_table("wse2", "sim", table())
    assert found.settings == {"memory": {"words": 24576}, "queues": {"input_depth": [6, 4]}}
    assert found.number("memory.words") == 24576
    assert found.numbers("queues.input_depth") == (6, 4)


@pytest.mark.parametrize("change", [{"memory.words": 9}, {"memory": {"words": 9}}, {"memory": {"words": row(9)}}])
def test_preset_replaces_values(change):
    assert machine.from_table("wse2", "big", table(presets={"big": change})).number("memory.words") == 9


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (table(memory={"words": {"value": 1}}), "row 'wse2.memory.words' needs a unit and a source"),
        (table(presets={"sim": {"memory.wrods": 1}}), "changes 'memory.wrods', which does not exist"),
        (table(sources={"docs": "a page"}), "names the source 'a test', which the table does not list"),
        ([], "is no mapping"),
    ],
)
def test_malformed_tables(content, message):
    with pytest.raises(MachineTableError, match=message):
        machine.from_table("wse2", "sim", content)


def test_unknown_names():
    with pytest.raises(UsageError, match="unknown architecture 'wse9', expected one of: wse2, wse3"):
        machine.load("wse9")
    with pytest.raises(UsageError, match="unknown preset 'fast' of wse2, expected one of: sim"):
        machine.from_table("wse2", "fast", table())
    found = machine.from_table("wse2", "sim", table())
    with pytest.raises(MachineTableError, match=r"no row 'memory\.wrods'"):
        found.number("memory.wrods")
    with pytest.raises(MachineTableError, match=r"row 'queues\.input_depth' .* is no integer"):
        found.number("queues.input_depth")


@pytest.mark.parametrize("arch", machine.ARCHITECTURES)
@pytest.mark.parametrize("preset", ["sim", "silicon"])
def test_real_tables_load_and_have_what_the_compiler_needs(arch, preset):
    found = machine.load(arch, preset)
    assert found.number("memory.words") == 24576
    assert found.number("colors.count") == 24
    assert len(found.numbers("queues.input_depth")) == found.number("queues.input")
