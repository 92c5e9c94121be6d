"""Images and programs survive the way to disk and to text, and damaged folders are refused by name."""

import json

import pytest

from wafersim import errors, image
from wafersim.ir import text
from wafersim.ir.dsd import DsdKind, pack
from wafersim.ir.ops import IdSpace, Ty
from wafersim.ir.program import (
    AsyncOptions,
    ColorConfig,
    DataSegment,
    Dir,
    DsrLoad,
    Export,
    Fifo,
    Filter,
    FilterKind,
    Function,
    Image,
    Instr,
    MapOp,
    OperandKind,
    PrintFormat,
    Program,
    QueueBinding,
    Shape,
    SwitchPosition,
    Symbol,
    Task,
    TaskKind,
    VecOp,
    VecOperand,
    const_operand,
)


def make_program() -> Program:
    """A program that uses every table once."""
    code = [
        Instr("add", Ty.I16, dst=2, a=0, b=const_operand(0), loc=1),
        Instr("vec", imm=0),
        Instr("print", a=2, c=1, imm=0),
        Instr("ret"),
    ]
    dsd = VecOperand(OperandKind.DSD, const_operand(1))
    return Program(
        name="pe.csl",
        functions=[
            Function("f", [Ty.I16, Ty.U16], Ty.VOID, 3, 0, code),
            Function("t", [], Ty.VOID, 0, 0, [Instr("ret")]),
        ],
        constants=[7, pack(DsdKind.MEM1D, 0, 4, 1), -3],
        vecops=[VecOp("fmovs", dsd, [VecOperand(OperandKind.SCALAR, 2)], AsyncOptions(True, const_operand(0)))],
        maps=[MapOp(0, [dsd, dsd], [Ty.I16, Ty.U16], dsd, Ty.VOID)],
        dsr_loads=[DsrLoad(3, const_operand(1), save_address=True)],
        shapes=[Shape([2, 3], [3, 1])],
        fifos=[Fifo("q", 8, 4, 2)],
        prints=[PrintFormat(["x = ", "\n"], ["d"], [Ty.I16])],
        messages=["never"],
        symbols=[Symbol("y", 0, 8, "[4]f32", Ty.F32, [4]), Symbol("q", 8, 4, "[2]f32", Ty.F32, [2])],
        data=[DataSegment(0, [1, 65535])],
        data_end=20,
        memory_end=24576,
        tasks=[Task(8, TaskKind.LOCAL, 1)],
        activated=[8],
        blocked=[(IdSpace.TASK, 8)],
        input_queues=[QueueBinding(2, 4), QueueBinding(3, None)],
        teardown_handlers={4: 1},
        exports=[Export("f", True, 0, "fn(i16,u16)void")],
        traces={"key": 0},
        locations=[(0, 0, 0), (0, 3, 5)],
        files=["pe.csl"],
    )


def make_image() -> Image:
    kept = Filter(FilterKind.RANGE, 1, 2)
    route = ColorConfig(4, Dir.WEST, Dir.RAMP | Dir.EAST, (SwitchPosition(rx=1),), filter=kept)
    return Image(
        "wse3", 2, 1, 9, 3, 4, 1, [make_program()], [(), (route,)], [(0, 1), (-1, 0)],
        [("y", "[*]f32", True)], {"N": "4"}, {"c": 4}, 1, True,
    )  # fmt: skip


def test_text_round_trip():
    program = make_program()
    printed = text.print_program(program)
    assert text.parse_program(printed) == program
    assert "add.i16   dst=r2 a=r0 b=k0  @1" in printed


@pytest.mark.parametrize("line", ["nonsense 1 2", "   0  addd dst=r1  @0", 'symbol 0 nam="x"', "constant 0 zz"])
def test_text_refuses(line):
    with pytest.raises(errors.TextFormError, match="line 2"):
        text.parse_program('program "x"\n' + line)


def test_mesh_text_names_tiles_and_routes():
    printed = text.print_mesh(make_image())
    assert "row    0  0/1 -1/0" in printed
    assert "color=4 rx=4 tx=3" in printed


def test_image_round_trip(tmp_path):
    image.save(make_image(), tmp_path / "out")
    assert image.load(tmp_path / "out") == make_image()
    assert json.loads((tmp_path / "out/out.json").read_text()) == {"params": {"N": "4"}, "colors": {"c": 4}}


def test_same_image_same_bytes(tmp_path):
    for name in "ab":
        image.save(make_image(), tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", ["out.json", "programs.jsonl", "routings.jsonl", "tiles.npy"])
@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_damaged_file_is_refused_by_name(tmp_path, name, damage):
    image.save(make_image(), tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes(content[:-3] if damage == "truncate" else bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(errors.CorruptImageError, match=name.replace(".", r"\.")):
        image.load(tmp_path)


def edit_manifest(folder, **changes):
    """Changes that the digest does not give away."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(manifest | {"digest": image.digest_of(manifest)}))


def test_every_flipped_bit_of_the_manifest_is_refused(tmp_path):
    image.save(make_image(), tmp_path)
    path = tmp_path / "manifest.json"
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        if content[place : place + 1].isspace():
            continue  # between tokens it may read as before
        with pytest.raises(errors.ImageError, match=r"manifest\.json|image format"):
            image.load(tmp_path)


def test_a_file_in_the_place_of_the_folder_is_kept(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(errors.ImageError, match="taken': there is a file of that name"):
        image.save(make_image(), tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_wrong_magic_version_and_missing_manifest(tmp_path):
    image.save(make_image(), tmp_path)
    edit_manifest(tmp_path, format=99)
    with pytest.raises(errors.ImageVersionError, match="image format 99"):
        image.load(tmp_path)
    edit_manifest(tmp_path, magic="elf")
    with pytest.raises(errors.NotAnImageError, match="not the manifest"):
        image.load(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(errors.CorruptImageError, match=r"manifest\.json"):
        image.load(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(errors.NotAnImageError, match=r"no manifest\.json"):
        image.load(tmp_path)
    with pytest.raises(errors.NotAnImageError, match="is no folder"):
        image.load(tmp_path / "absent")


@pytest.mark.parametrize("field", [{"width": "2"}, {"width": 3}, {"channels": None}, {"files": {}}, {"memcpy": 1}])
def test_manifest_with_wrong_fields_is_refused(tmp_path, field):
    image.save(make_image(), tmp_path)
    edit_manifest(tmp_path, **field)
    with pytest.raises(errors.CorruptImageError):
        image.load(tmp_path)
