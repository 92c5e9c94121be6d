"""What `analyse/tidy.py` leaves of a function's code, and what it must not touch."""

from __future__ import annotations

import pytest

from wafersim import driver
from wafersim.settings import CompileSettings

LAYOUT = 'layout { @set_rectangle(1, 1); @set_tile_code(0, 0, "pe.csl", .{}); @export_name("main", fn () void); }\n'


def code_of(folder, body: str, declarations: str = "") -> list[str]:
    """Mnemonics of `main` in a program with three variables."""
    variables = "var a: i16 = 1; var b: i16 = 2; var x = @zeros([8]i16); var p: *i16 = &a;\n"
    program = f"{variables}{declarations}\nfn main() void {{ {body} }}\ncomptime {{ @export_symbol(main); }}\n"
    (folder / "pe.csl").write_text(program, encoding="utf-8")
    (folder / "layout.csl").write_text(LAYOUT, encoding="utf-8")
    image = driver.compile_image(CompileSettings(folder / "layout.csl", arch="wse3"))
    function = next(function for function in image.programs[0].functions if function.name == "main")
    return [instr.op for instr in function.code]


@pytest.mark.parametrize(
    ("body", "loads"),
    [
        ("b = a + a;", 1),
        ("b = a; a = b + 1;", 1),  # what was stored is still there
        ("x[0] = a; b = a;", 1),  # another place
        ("p.* = 3; b = a; p.* = 4; b = a;", 4),  # `p` may point to `a`, and to itself for all that is known
        ("b = a; helper(); b = a;", 2),
        ("if (a > 1) { b = a; }", 1),
        ("while (a > 0) { a -= 1; }", 2),  # the test before the loop and that at its end
    ],
)
def test_memory_is_read_again_only_where_it_may_have_changed(tmp_path, body, loads):
    assert code_of(tmp_path, body, "fn helper() void { a += 1; }").count("load") == loads


def test_a_counted_loop_has_one_branch_and_no_jump(tmp_path):
    code = code_of(tmp_path, "for (@range(i16, 8)) |i| { x[i] = i; }")
    assert code[-4:] == ["add", "ne", "brt", "ret"] and "jmp" not in code


def test_a_while_loop_tests_at_its_end(tmp_path):
    code = code_of(tmp_path, "var k: i16 = a; while (k < 8) : (k += 1) { b = k; }")
    assert code.count("brf") == code.count("brt") == 1 and "jmp" not in code


def test_arms_of_moves_have_a_predicate_and_other_arms_a_branch(tmp_path):
    short = code_of(tmp_path, "const v = a; b = if (v > 3) v else 7;")
    assert short.count("skf") == short.count("sk") == 1 and "brf" not in short and "jmp" not in short
    long = code_of(tmp_path, "if (a > 3) { helper(); } else { b = 7; }", "fn helper() void { b += 1; }")
    assert "brf" in long and "jmp" in long and "skf" not in long
