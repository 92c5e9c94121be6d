"""Programs without end are refused within a bound: loops at compile time, and very long lines in messages."""

from pathlib import Path

from wafersim import machine
from wafersim.csl import layout
from wafersim.csl.diagnostics import Diagnostics, Note
from wafersim.csl.source import Source, Span


def evaluate(folder: Path, text: str, **limits: int) -> Diagnostics:
    diagnostics = Diagnostics()
    (folder / "layout.csl").write_text(text)
    layout.evaluate(
        layout.new_compilation(machine.load("wse3"), diagnostics, **limits), folder / "layout.csl", {}, {}
    )
    return diagnostics


def test_loop_without_end_is_refused_where_it_stands(tmp_path: Path) -> None:
    text = "layout {\n  @set_rectangle(1, 1);\n  var i: u32 = 0;\n  while (true) : (i += 1) {}\n}\n"
    found = evaluate(tmp_path, text, step_limit=1000).items
    assert [item.span.line_col for item in found] == [(4, 3)]
    assert found[0].message == (
        "compile-time execution does not end within 1064 iterations and calls "
        "(--max-inlined-iterations raises the limit)"
    )


def test_layouts_get_steps_for_each_tile(tmp_path: Path) -> None:
    loop = "for (@range(u16, 50)) |x| { for (@range(u16, 50)) |y| { n += 1; } }"
    text = f"layout {{ @set_rectangle(50, 50); var n: u32 = 0; {loop} @comptime_assert(n == 2500); }}"
    assert evaluate(tmp_path, text, step_limit=1000).items == []


def test_long_lines_are_shown_around_the_mistake_only() -> None:
    source = Source("a.csl", "x" * 5000 + "!" + "y" * 5000)
    diagnostics = Diagnostics()
    diagnostics.error(Span(source, 5000, 5001), "no")
    excerpt, marker = diagnostics.render().splitlines()[1:]
    assert len(excerpt) == 164
    assert excerpt[marker.index("^")] == "!"


def test_long_chains_of_notes_are_cut_in_the_middle() -> None:
    source = Source("a.csl", "abcdefghijklmnopqrstuvwxyz")
    diagnostics = Diagnostics()

    def nest(depth: int) -> None:
        if depth == 20:
            diagnostics.error(Span(source, 25, 26), "no")
            return
        with diagnostics.context(Span(source, depth, depth + 1), f"call {depth}"):
            nest(depth + 1)

    nest(0)
    notes: list[Note] = diagnostics.items[0].notes
    texts = [note.message for note in notes]
    assert texts == [
        "call 19", "call 18", "call 17", "call 16", "12 more like these", "call 3", "call 2", "call 1", "call 0",
    ]  # fmt: skip


def test_files_that_import_each_other_are_refused_with_the_chain(tmp_path: Path) -> None:
    (tmp_path / "a.csl").write_text('const b = @import_module("b.csl");\n')
    (tmp_path / "b.csl").write_text('const a = @import_module("a.csl");\n')
    text = 'const a = @import_module("a.csl");\nlayout { @set_rectangle(1, 1); }\n'
    found = evaluate(tmp_path, text).items
    assert [item.message for item in found] == ["'a.csl' imports itself"]
    chain = [(Path(note.span.source.name).name, note.message.rpartition("/")[2]) for note in found[0].notes]
    assert chain == [("a.csl", "b.csl' is imported here"), ("layout.csl", "a.csl' is imported here")]
