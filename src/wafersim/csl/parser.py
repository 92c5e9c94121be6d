"""Parser: the tokens of a file go in, an `ast.File` comes out. This part reads declarations.

The parse functions are named after the symbols of the grammar and start with their production; together
these are the grammar of the language (`docs/csl-grammar.md` is made from them).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from wafersim.csl import ast
from wafersim.csl.cursor import MissingBrace
from wafersim.csl.diagnostics import Abort, Diagnostics, TooManyErrors
from wafersim.csl.lexer import Token, tokenize
from wafersim.csl.parse_stmt import StmtParser
from wafersim.csl.source import Source, Span

STACK_FRAMES = 12_000
"""Python frames that the deepest accepted nesting may need."""


def parse_source(source: Source, diagnostics: Diagnostics) -> ast.File:
    """Tokens and syntax tree of one source; what could be read where there are errors."""
    try:
        tokens = tokenize(source, diagnostics)
    except TooManyErrors:
        return ast.File(Span(source, 0, len(source.text)), [])
    return parse(tokens, diagnostics)


def parse(tokens: list[Token], diagnostics: Diagnostics) -> ast.File:
    with deep_stack():
        return Parser(tokens, diagnostics).parse_file()


@contextmanager
def deep_stack() -> Iterator[None]:
    """Room for recursion over trees as deep as `MAX_NESTING` and `MAX_CHAIN` allow."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, STACK_FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class Parser(StmtParser):
    """Parse functions for files and declarations."""

    def parse_file(self) -> ast.File:
        """file = { declaration } ;"""
        items: list = []
        try:
            while not self.at("eof"):
                self._file_item(items)
        except TooManyErrors:
            pass
        whole = Span(self.token.span.source, 0, len(self.token.span.source.text))
        return ast.File(whole, items)

    def _file_item(self, items: list) -> None:
        start = self.index
        try:
            items.append(self.parse_declaration())
        except TooManyErrors:
            raise
        except MissingBrace:
            self.skip_stray_braces()
        except Abort:
            self.skip_to_next(start)

    def skip_stray_braces(self) -> None:
        while self.at("}"):
            self.advance()

    def parse_declaration(self) -> ast.Stmt:
        """declaration = storage | variable | function | comptime_block | layout ;"""
        if self.at("export", "extern"):
            return self.parse_storage()
        if self.at("const", "var", "param"):
            return self.parse_variable(comptime=False)
        if self.at("fn", "task", "inline", "noinline"):
            return self.parse_function(ast.Attributes(), self.token.span)
        if self.at("comptime"):
            return self.parse_comptime_declaration()
        if self.at_word("layout") and self.peek().kind == "{":
            return self.parse_layout()
        if self.at("}"):
            self.advance()
            raise self.error(self.previous.span, "'}' closes no block")
        raise self.unexpected("a declaration")

    def parse_storage(self) -> ast.Stmt:
        """storage = ( "export" | "extern" ) ( variable | function ) ;"""
        keyword = self.advance()
        attributes = ast.Attributes(storage=keyword.kind)
        if self.at("const", "var"):
            return self.parse_variable(comptime=False, attributes=attributes, start=keyword.span)
        if self.at("fn", "inline", "noinline", "task"):
            return self.parse_function(attributes, keyword.span)
        raise self.unexpected(f"'var', 'const' or 'fn' after '{keyword.kind}'")

    def parse_comptime_declaration(self) -> ast.Stmt:
        """comptime_block = "comptime" open_statement [ ";" ] ;"""
        return self.parse_statement()

    def parse_layout(self) -> ast.LayoutBlock:
        """layout = "layout" block ;"""
        start = self.advance().span
        body = self.parse_block()
        return ast.LayoutBlock(self.span_from(start), body)

    # ---------------------------------------------------------------------------------- variables

    def parse_variable(
        self, comptime: bool, attributes: ast.Attributes | None = None, start: Span | None = None
    ) -> ast.VarDecl:
        """variable = ( "const" | "var" | "param" ) name [ ":" type ] { attribute } [ "=" expression ] ";" ;"""
        attributes = attributes or ast.Attributes()
        keyword = self.advance()
        name = self.expect("identifier", f"a name after '{keyword.kind}'")
        declared = self.parse_type() if self.accept(":") else None
        self.parse_attributes(attributes)
        init = self.parse_expression() if self.accept("=") else None
        span = self.span_from(start or keyword.span)
        self._check_variable(keyword.kind, name, declared, init, attributes)
        self.expect_semicolon(f"the declaration of '{name.value}'")
        return ast.VarDecl(span, keyword.kind, comptime, str(name.value), name.span, declared, init, attributes)

    def _check_variable(
        self, kind: str, name: Token, declared: ast.Expr | None, init: ast.Expr | None, attributes: ast.Attributes
    ) -> None:
        """Rules on what a declaration must have; they need no types and give the clearest message here."""
        if attributes.storage == "extern":
            if init is not None:
                self.error(init.span, f"extern '{name.value}' cannot have an initial value")
            elif declared is None:
                self.error(name.span, f"extern '{name.value}' needs a type")
        elif kind == "const" and init is None:
            self.error(name.span, f"const '{name.value}' needs an initial value")
        elif kind == "var" and init is None and declared is None:
            self.error(name.span, f"var '{name.value}' needs a type or an initial value")

    def parse_attributes(self, attributes: ast.Attributes) -> None:
        """attribute = ( "align" | "linksection" | "linkname" ) "(" expression ")" ;"""
        while self.token.kind == "identifier" and self.token.value in ("align", "linksection", "linkname"):
            name = str(self.advance().value)
            if getattr(attributes, name) is not None:
                raise self.error(self.previous.span, f"'{name}' is given twice")
            self.expect("(", f"'(' after '{name}'")
            setattr(attributes, name, self.parse_expression())
            self.expect(")")

    # ---------------------------------------------------------------------------------- functions

    def parse_function(self, attributes: ast.Attributes, start: Span) -> ast.FnDecl:
        """function = [ "inline" | "noinline" ] ( "fn" | "task" ) name "(" [ parameter { "," parameter } ] ")"
        { attribute } type { attribute } ( block | ";" ) ;
        """
        if self.at("inline", "noinline"):
            attributes.inline = self.advance().kind
        if not self.at("fn", "task"):
            raise self.unexpected(f"'fn' after '{self.previous.kind}'")
        kind = self.advance().kind
        name = self.expect("identifier", f"a name after '{kind}'")
        self.expect("(", f"'(' after '{kind} {name.value}'")
        params = self._list_until(")", self.parse_parameter)
        self.parse_attributes(attributes)
        if self.at("{", ";"):
            raise self.unexpected(f"the result type of '{name.value}'")
        result = self.parse_type()
        self.parse_attributes(attributes)
        span = self.span_from(start)
        body = self._function_body(name, attributes)
        return ast.FnDecl(span, kind, str(name.value), name.span, params, result, body, attributes)

    def _function_body(self, name: Token, attributes: ast.Attributes) -> ast.Block | None:
        if attributes.storage == "extern":
            if self.at("{"):
                self.error(self.token.span, f"extern '{name.value}' cannot have a body")
                return self.parse_block()
            self.expect_semicolon(f"the declaration of '{name.value}'")
            return None
        if not self.at("{"):
            raise self.unexpected(f"the body of '{name.value}'")
        return self.parse_block()

    def parse_parameter(self) -> ast.Param:
        """parameter = [ "comptime" ] name ":" type ;"""
        start = self.token.span
        comptime = self.accept("comptime") is not None
        name = self.expect("identifier", "the name of a parameter")
        self.expect(":", f"':' and a type after parameter '{name.value}'")
        declared = self.parse_type()
        return ast.Param(self.span_from(start), str(name.value), comptime, declared)
