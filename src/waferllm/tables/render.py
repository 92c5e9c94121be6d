"""A `Table` -> CSV (full precision, all columns), Markdown and LaTeX (rounded, for reading)."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from waferllm.tables.table import KEY, NOTE, Cell, Column, Table, Value

EMPTY = "-"


def write_table(table: Table, folder: Path) -> list[Path]:
    """Writes name.csv, name.md and name.tex; each file appears at once or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"csv": to_csv(table), "md": to_markdown(table), "tex": to_latex(table)}
    return [write_text(folder / f"{table.name}.{suffix}", text) for suffix, text in texts.items()]


def write_text(path: Path, text: str) -> Path:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    os.replace(partial, path)
    return path


def to_csv(table: Table) -> str:
    """Numbers with eight significant digits; the kind of a column is part of its name."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        writer.writerow([plain(row[column.name]) for column in table.columns])
    return out.getvalue()


def plain(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell.number:.8g}" if isinstance(cell, Value) else str(cell)


def rounded(cell: Cell, column: Column) -> str:
    """As the reader sees it: four significant digits if the column names no other number, thousands apart."""
    if cell is None or cell == "":
        return EMPTY
    if not isinstance(cell, Value):
        return str(cell)
    if column.digits is not None:
        return f"{cell.number:,.{column.digits}f}"
    return f"{cell.number:,.0f}" if abs(cell.number) >= 1000 else f"{cell.number:.4g}"


def shown(table: Table) -> list[Column]:
    """Columns of the page: not those for CSV only, nor those without any entry."""
    return [column for column in table.columns
            if not column.csv_only and any(row[column.name] not in (None, "") for row in table.rows)]


def to_markdown(table: Table) -> str:
    columns = shown(table)
    lines = [f"# {table.title}", "", "| " + " | ".join(column.title for column in columns) + " |"]
    lines.append("|" + "|".join("---" if column.kind in (KEY, NOTE) else "---:" for column in columns) + "|")
    for row in table.rows:
        lines.append("| " + " | ".join(rounded(row[c.name], c).replace("|", r"\|") for c in columns) + " |")
    lines += ["", *(f"* {note}" for note in table.notes)] if table.notes else []
    return "\n".join(lines) + "\n"


LATEX = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
         "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def latex(text: str) -> str:
    return "".join(LATEX.get(letter, letter) for letter in text)


def to_latex(table: Table) -> str:
    """A `tabular` in a `table`, with booktabs; notes of rows are left to CSV and Markdown."""
    columns = [column for column in shown(table) if column.kind != NOTE or column.name in ("provenance", "verdict")]
    align = "".join("l" if column.kind in (KEY, NOTE) else "r" for column in columns)
    lines = ["% needs: booktabs, graphicx", r"\begin{table}", r"\centering", rf"\caption{{{latex(table.title)}}}",
             rf"\label{{tab:{table.name}}}", r"\resizebox{\textwidth}{!}{%", rf"\begin{{tabular}}{{{align}}}",
             r"\toprule", " & ".join(latex(column.title) for column in columns) + r" \\", r"\midrule"]
    for row in table.rows:
        lines.append(" & ".join(latex(rounded(row[c.name], c)) for c in columns) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}}", r"\end{table}"]
    return "\n".join(lines) + "\n"
