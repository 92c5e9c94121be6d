"""Write docs/csl-coverage.md: each feature of CSL, how many programs use it, its tests, known differences.

In: docs/data/csl_features.csv (what public programs use), the annotated cases below tests/csl/cases (read
lexically), docs/data/csl_differences.yaml (kept by hand). With --check the page is compared, not written.
"""

from __future__ import annotations

import argparse
import csv
import difflib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "csl-coverage.md"
CASES = ROOT / "tests" / "csl" / "cases"
SHOWN_TESTS = 3
OTHER = "other"
"""Key of the differences that belong to no counted feature."""


@dataclass(frozen=True)
class Feature:
    category: str
    name: str
    programs: int
    examples: int


@dataclass(frozen=True)
class Case:
    """A test case: `code` is its text without comments, `strings` are its string literals."""

    path: str
    code: str
    strings: frozenset[str]


# Patterns of the language forms; the rest of the features is found by name.
IDENT = r"[A-Za-z_]\w*"
LANGUAGE = {
    "comptime block": r"\bcomptime\s*\{",
    "comptime expression": r"=\s*comptime\b|\(\s*comptime\s+(?!\w+\s*:)",
    "comptime parameter/var": rf"\bcomptime\s+(var\s+)?{IDENT}\s*:",
    "break": r"\bbreak\b",
    "continue": r"\bcontinue\b",
    "else if": r"\belse\s+if\b",
    "for over @range": r"\bfor\s*\(\s*@range",
    "for over array/struct with index capture": rf"\bfor\s*\((?!\s*@range)(?:[^()]|\([^()]*\))*\)\s*\|\s*{IDENT}\s*,",
    "for over array/struct": r"\bfor\s*\((?!\s*@range)(?:[^()]|\([^()]*\))*\)\s*\|",
    "if (comptime cond)": r"\bif\s*\(\s*comptime\b",
    "if expression": r"[=(,]\s*if\s*\(|\breturn\s+if\s*\(",
    "if statement without braces": r"[;{})]\s*if\s*\((?:[^()]|\([^()]*\))*\)\s*[^{\s]",
    "if statement": r"[;{}]\s*if\s*\(",
    "inline for over @range": r"\binline\s+for\b",
    "switch": r"\bswitch\s*\(",
    "while with continue expression": r"\bwhile\s*\((?:[^()]|\([^()]*\))*\)\s*:",
    "while": r"\bwhile\s*\(",
    "fn returning a DSD": r"\bfn\b[^{;]*\)\s*(mem1d_dsd|mem4d_dsd|fabin_dsd|fabout_dsd)\b",
    "fn returning comptime value": r"\bfn\b[^{;]*\)\s*(comptime_\w+|type|imported_module)\b",
    "fn with comptime parameter": r"\bfn\b[^{;]*\(\s*[^){;]*\bcomptime\b",
    "fn": r"\bfn\s+\w+\s*\(",
    "global const": r"(?m)^const\b",
    "global var": r"(?m)^(export\s+)?var\b",
    "inline fn": r"\binline\s+fn\b",
    "layout block": r"\blayout\s*\{",
    "local array variable": rf"(?m)^\s+var\s+{IDENT}\s*(:\s*\[|=\s*(\[|@zeros|@constants))",
    "local const": r"(?m)^\s+const\b",
    "local var": r"(?m)^\s+var\b",
    "param typed with default": rf"\bparam\s+{IDENT}\s*:[^;=]*=",
    "param typed": rf"\bparam\s+{IDENT}\s*:",
    "param untyped with default": rf"\bparam\s+{IDENT}\s*=",
    "param untyped": rf"\bparam\s+{IDENT}\s*;",
    "address-of &x": rf"[=(,]\s*&\s*{IDENT}",
    "anonymous struct literal .{ .f = v }": r"\.\{\s*\.",
    "array literal [N]T{...}": r"\]\s*\w+\s*\{",
    "empty struct literal .{}": r"\.\{\s*\}",
    "named struct literal T{ .f = v }": rf"\b(?!layout|comptime|else){IDENT}\s*\{{\s*\.",
    "pointer dereference .*": r"\.\*",
    "binary integer": r"\b0b[01]",
    "float with exponent": r"\b\d+(\.\d+)?[eE][-+]?\d",
    "float": r"\b\d+\.\d",
    "hex integer": r"\b0x[0-9a-fA-F]",
    "@import_module of a computed name": r"@import_module\(\s*[^\"\s]",
    "@import_module of a local .csl file": r"@import_module\(\s*\"[^<\"]*\"",
    "unary -": r"[=(,]\s*-\s*[\w(]|\breturn\s+-",
    "and": r"\band\b",
    "or": r"\bor\b",
    "align": r"\balign\s*\(",
    "export const": r"\bexport\s+const\b",
    "export fn": r"\bexport\s+fn\b",
    "export var": r"\bexport\s+var\b",
    "extern var": r"\bextern\s+var\b",
    "enum": r"\benum\s*\(",
    "struct (named struct type)": r"=\s*(extern\s+|packed\s+)?struct\s*\{",
    "function type fn(..)T": r"\bfn\s*\([^)]*\)\s*\w",
    "many-item pointer [*]T": r"\[\*\]",
    "single-item pointer *T": r"[:(,]\s*\*\s*(const\s+)?\w",
    # written comptime in the third argument of @get_dsr
    "comptime": r"@get_dsr\([^;]*\bcomptime\b",
    "fifo": r"@allocate_fifo",
    "ut_id": r"@get_ut_id|\but_id\b",
    "@rpc": r"@rpc\b",
    "task with 0 wavelet arguments": r"\btask\s+\w+\s*\(\s*\)",
    "tensor_access lambda, 1 induction variable": rf"\|\s*{IDENT}\s*\|\s*\{{",
    "tensor_access lambda, 2 induction variables": rf"\|\s*{IDENT}\s*,\s*{IDENT}\s*\|\s*\{{[^}}]*\}}\s*->",
    "tensor_access lambda, 3 induction variables": rf"\|\s*{IDENT}(\s*,\s*{IDENT}){{2}}\s*\|\s*\{{",
    "tuple literal .{ a, b }": r"\.\{\s*[^.}\s]|\.\{\s*\.\{",
    "multi-dimensional index a[i, j]": rf"\b{IDENT}\[[^\],]+,[^\]]+\](?!\s*[\w{{])",
    "multi-dimensional array type [a, b]T": r"\[[^\],]+,[^\]]+\]\s*[A-Za-z_]",
}
OPERATOR_NEIGHBOURS = r"[-+*/%&|^<>=!~]"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the page that is there, write nothing")
    parser.add_argument("--missing", type=int, metavar="N", help="only list untested features of N or more programs")
    options = parser.parse_args()
    if options.missing is not None:
        for feature in untested(options.missing):
            print(f"{feature.category}: {feature.name} ({feature.programs})")
        return 0
    new = page()
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if options.check:
        diff = difflib.unified_diff(old.splitlines(), new.splitlines(), PAGE.name, "generated", lineterm="")
        print("\n".join(diff))
        return int(old != new)
    PAGE.write_text(new, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}{'' if old != new else ' (unchanged)'}")
    return 0


# ------------------------------------------------------------------------------------------------ read


def read_features() -> list[Feature]:
    lines = [line for line in (ROOT / "docs/data/csl_features.csv").open(encoding="utf-8") if not line.startswith("#")]
    return [
        Feature(row["category"], row["feature"], int(row["programs_of_161"]), int(row["programs_of_58_sdk_examples"]))
        for row in csv.DictReader(lines)
    ]


def read_cases() -> list[Case]:
    cases = []
    for path in sorted(CASES.rglob("*.csl")):
        text = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8", errors="replace"))
        strings = frozenset(re.findall(r'"([^"\n]*)"', text))
        cases.append(Case(path.relative_to(CASES).as_posix(), text, strings))
    return cases


def read_differences(features: list[Feature]) -> dict[str, dict[str, Any]]:
    table = yaml.safe_load((ROOT / "docs/data/csl_differences.yaml").read_text(encoding="utf-8")) or {}
    unknown = set(table) - {feature.name for feature in features} - {OTHER}
    if unknown:
        raise SystemExit(f"docs/data/csl_differences.yaml names unknown features: {', '.join(sorted(unknown))}")
    return table


# ------------------------------------------------------------------------------------------------ find


def finder(feature: Feature) -> Callable[[Case], bool]:
    """A function that says whether a case uses the feature."""
    category, name = feature.category, feature.name
    if category in ("library", "library-member"):
        return library_finder(name)
    if category == "lang:operator" and name not in LANGUAGE:
        return regex_finder(rf"(?<!{OPERATOR_NEIGHBOURS}){re.escape(name)}(?!{OPERATOR_NEIGHBOURS})")
    if name in LANGUAGE:
        return regex_finder(LANGUAGE[name])
    if name.startswith("@"):
        return regex_finder(rf"{name}\b")
    if name.startswith("."):
        return field_finder(category, name)
    if category == "task-decl":
        types = name.split("(")[1].rstrip(")").split(", ")
        return regex_finder(r"\btask\s+\w+\s*\(\s*" + r"\s*,\s*".join(rf"\w+\s*:\s*{ty}" for ty in types) + r"\s*\)")
    return regex_finder(rf"\b{re.escape(name)}\b")


def regex_finder(pattern: str) -> Callable[[Case], bool]:
    compiled = re.compile(pattern)
    return lambda case: compiled.search(case.code) is not None


def field_finder(category: str, name: str) -> Callable[[Case], bool]:
    """Every part of a dotted field occurs, and so does the builtin that the field belongs to."""
    parts = [re.compile(rf"\.{part}\b") for part in name.strip(".").split(".")]
    builtin = re.search(r"@\w+", category)
    owner = "@load_to_dsr" if category == "load_to_dsr-option" else builtin[0] if builtin else ""
    return lambda case: owner in case.code and all(part.search(case.code) for part in parts)


def library_finder(name: str) -> Callable[[Case], bool]:
    library, _, member = name[1:].partition(">")
    member = member.strip(".()").removesuffix("()")

    def uses(case: Case) -> bool:
        if f"<{library}>" not in case.strings:
            return False
        if not member:
            return True
        imported = re.findall(rf"\b({IDENT})\s*=\s*@import_module\(\s*\"<{re.escape(library)}>\"", case.code)
        return any(uses_member(case.code, module, member.split(".")) for module in imported)

    return uses


def uses_member(code: str, module: str, chain: list[str]) -> bool:
    """`module.a.b` occurs, or `x.b` with `const x = module.a`."""
    if re.search(rf"\b{module}\s*\.\s*" + r"\s*\.\s*".join(map(re.escape, chain)) + r"\b", code):
        return True
    aliases = re.findall(rf"\b({IDENT})\s*=\s*{module}\s*\.\s*{re.escape(chain[0])}\s*;", code)
    return len(chain) > 1 and any(uses_member(code, alias, chain[1:]) for alias in aliases)


def untested(programs: int) -> list[Feature]:
    """Features that at least this many programs use and no case has; those known to be missing are left out."""
    features, cases = read_features(), read_cases()
    differences = read_differences(features)
    return [
        feature
        for feature in features
        if feature.programs >= programs
        and differences.get(feature.name, {}).get("status") != "missing"
        and not any(map(finder(feature), cases))
    ]


# ----------------------------------------------------------------------------------------------- write


def page() -> str:
    features, cases = read_features(), read_cases()
    differences = read_differences(features)
    rows: dict[str, list[str]] = {}
    tested = 0
    for feature in features:
        found = [case.path for case in cases if finder(feature)(case)]
        tested += bool(found)
        rows.setdefault(feature.category, []).append(row(feature, found, differences.get(feature.name, {})))
    text = [
        "# CSL coverage",
        "",
        "Generated by `make generated` (scripts/dev/csl_coverage.py); do not edit. Programs: how many of 161 public",
        "programs use the feature (docs/data/csl_features.csv). Tests: cases of `tests/csl/cases` that use it.",
        "Differences: docs/data/csl_differences.yaml.",
        "",
        f"{len(features)} features, {tested} of them used by at least one of {len(cases)} cases.",
    ]
    for category in sorted(rows):
        text += ["", f"## {category}", "", "| feature | programs | status | tests | known differences |"]
        text += ["|---|---|---|---|---|"]
        text += rows[category]
    text += ["", "## Known differences beside these features", "", "| what | status | difference |", "|---|---|---|"]
    text += [f"| {what} | {entry['status']} | {entry['difference']} |" for what, entry in differences[OTHER].items()]
    return "\n".join(text) + "\n"


def row(feature: Feature, found: list[str], difference: dict[str, str]) -> str:
    name = feature.name.replace("|", "\\|")
    status = difference.get("status") or ("tested" if found else "no case")
    shown = ", ".join(Path(path).stem for path in found[:SHOWN_TESTS])
    more = f" and {len(found) - SHOWN_TESTS} more" if len(found) > SHOWN_TESTS else ""
    return f"| `{name}` | {feature.programs} | {status} | {shown}{more} | {difference.get('difference', '')} |"


if __name__ == "__main__":
    sys.exit(main())
