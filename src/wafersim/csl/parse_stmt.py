"""Statements, and the blocks they stand in: the middle of the parser.

A statement without a block at its end is closed by `;`. Inside `if (c) a = 1 else b = 2;` the inner
statements have none: `parse_open_statement` says whether one is still due.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from wafersim.csl import ast
from wafersim.csl.cursor import MissingBrace
from wafersim.csl.diagnostics import Abort, TooManyErrors
from wafersim.csl.lexer import Token
from wafersim.csl.parse_expr import ExprParser

COMPOUND = {f"{operator}=": operator for operator in ("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>")}

Open = tuple[ast.Stmt, bool]
"""A statement, and whether a `;` must follow."""


class StmtParser(ExprParser):
    """Parse functions for statements; declarations come from the declaration parser."""

    def parse_variable(self, comptime: bool) -> ast.VarDecl:
        raise NotImplementedError

    def parse_block(self, label: Token | None = None) -> ast.Block:
        """block = "{" { statement } "}" ;"""
        opening = self.expect("{")
        statements: list[ast.Stmt] = []
        with self.nested():
            while not self.at("}"):
                if self.at("eof") or self.starts_at_margin():
                    raise self.missing_brace(opening)
                self._recovering(self.parse_statement, statements)
        self.advance()
        start = label.span if label else opening.span
        return ast.Block(self.span_from(start), str(label.value) if label else None, statements)

    def _recovering(self, parse: Callable[[], ast.Stmt], into: list[ast.Stmt]) -> None:
        """Parse one item; after a syntax error go to the next, so that each gives one message at most."""
        start = self.index
        try:
            into.append(parse())
        except (TooManyErrors, MissingBrace):
            raise
        except Abort:
            self.skip_to_next(start)

    def parse_statement(self) -> ast.Stmt:
        """statement = open_statement [ ";" ] ;  (`;` unless a block ends the statement)"""
        statement, needs_semicolon = self.parse_open_statement()
        if needs_semicolon:
            self.expect_semicolon(_NAMES.get(type(statement), "the statement"))
        return statement

    def parse_open_statement(self) -> Open:
        """open_statement = variable | block | labelled | if | while | for | switch | "comptime" open_statement
        | return | break | continue | assignment ;
        """
        with self.nested():
            parse = self._STATEMENTS.get(self.token.kind)
            if parse is not None:
                return parse(self)
            if self.at("identifier") and self.peek().kind == ":":
                return self.parse_labelled()
            if self.at_file_level_word():
                raise self.error(self.token.span, f"{self.token.describe()} can only stand at file level")
            return self.parse_assignment(), True

    def parse_block_statement(self) -> Open:
        """block_statement = block ;"""
        return self.parse_block(), False

    def parse_variable_statement(self) -> Open:
        """variable_statement = variable ;"""
        return self.parse_variable(comptime=False), False

    def parse_comptime_statement(self) -> Open:
        """comptime_statement = "comptime" ( variable | open_statement ) ;"""
        start = self.advance().span
        if self.at("var", "const"):
            return self.parse_variable(comptime=True), False
        body, needs_semicolon = self.parse_open_statement()
        return ast.ComptimeStmt(self.span_from(start), body), needs_semicolon

    def parse_labelled(self) -> Open:
        """labelled = name ":" ( block | loop ) ;"""
        label = self.advance()
        self.advance()
        if self.at("{"):
            return self.parse_block(label), False
        if self.at("while", "for", "inline"):
            return self.parse_loop(label)
        raise self.unexpected(f"a block or loop after the label '{label.value}:'")

    def parse_assignment(self) -> ast.Stmt:
        """assignment = expression [ ( "=" | "+=" | "-=" | "*=" | "/=" | "%=" | "&=" | "|=" | "^=" | "<<=" | ">>=" )
        expression ] ;
        """
        target = self.parse_expression()
        operator = "=" if self.at("=") else COMPOUND.get(self.token.kind)
        if operator is None:
            return ast.ExprStmt(target.span, target)
        self.advance()
        value = self.parse_expression()
        return ast.Assign(target.span.to(value.span), target, operator, value)

    # --------------------------------------------------------------------------------- branches

    def parse_if(self) -> Open:
        """if = "if" condition open_statement { "else" "if" condition open_statement } [ "else" open_statement ] ;"""
        arms: list[tuple[Token, ast.Expr, ast.Stmt]] = []
        otherwise: ast.Stmt | None = None
        while True:
            self.check_chain(len(arms))
            keyword = self.advance()
            condition = self.parse_condition()
            then, needs_semicolon = self.parse_open_statement()
            arms.append((keyword, condition, then))
            if not self.accept("else"):
                break
            if not self.at("if"):
                otherwise, needs_semicolon = self.parse_open_statement()
                break
        for keyword, condition, then in reversed(arms):
            otherwise = ast.If(self.span_from(keyword.span), condition, then, otherwise)
        assert otherwise is not None
        return otherwise, needs_semicolon

    def parse_switch(self) -> Open:
        """switch = "switch" condition "{" [ case { "," case } [ "," ] ] "}" ;"""
        expr = self.parse_switch_expression()
        return ast.Switch(expr.span, expr.subject, expr.cases), False

    def parse_case(self) -> ast.SwitchCase:
        """case = ( "else" | expression { "," expression } ) "=>" ( block | jump | loop | assignment ) ;"""
        start = self.token.span
        values: list[ast.Expr] = []
        if not self.accept("else"):
            values.append(self.parse_expression())
            while self.accept(",") and not self.at("=>"):
                values.append(self.parse_expression())
        if self.at("..."):
            raise self.error(self.token.span, "a case cannot be a range; list the values")
        self.expect("=>")
        body = self.parse_case_body()
        return ast.SwitchCase(self.span_from(start), values, body)

    def parse_case_body(self) -> ast.Expr | ast.Block:
        """case_body = block | jump | loop | assignment ;  (all but an expression become a block)"""
        if self.at("{"):
            return self.parse_block()
        jump = self.at("return", "break", "continue", "while", "for", "inline")
        statement = self.parse_open_statement()[0] if jump else self.parse_assignment()
        if isinstance(statement, ast.ExprStmt):
            return statement.expr
        return ast.Block(statement.span, None, [statement])

    # ------------------------------------------------------------------------------------ loops

    def parse_loop(self, label: Token | None = None) -> Open:
        """loop = [ name ":" ] [ "inline" ] ( while | for ) ;"""
        start = label or self.token
        inline = self.accept("inline") is not None
        if self.at("while"):
            return self.parse_while(start, label, inline)
        if self.at("for"):
            return self.parse_for(start, label, inline)
        raise self.unexpected("'for' or 'while' after 'inline'")

    def parse_while(self, start: Token, label: Token | None, inline: bool) -> Open:
        """while = "while" condition [ ":" "(" assignment ")" ] open_statement ;"""
        self.advance()
        condition = self.parse_condition()
        continuation = None
        if self.accept(":"):
            self.expect("(", "'(' and the continue expression after ':'")
            continuation = self.parse_assignment()
            self.expect(")")
        body, needs_semicolon = self.parse_open_statement()
        name = str(label.value) if label else None
        return ast.While(self.span_from(start.span), name, inline, condition, continuation, body), needs_semicolon

    def parse_for(self, start: Token, label: Token | None, inline: bool) -> Open:
        """for = "for" condition "|" capture [ "," capture ] "|" open_statement ;"""
        self.advance()
        iterable = self.parse_condition()
        self.expect("|", "'|' and the name of the element")
        captures = self._list_until("|", self.parse_capture)
        if not 1 <= len(captures) <= 2:
            raise self.error(self.previous.span, "a for loop names the element and at most its index")
        body, needs_semicolon = self.parse_open_statement()
        name = str(label.value) if label else None
        return ast.For(self.span_from(start.span), name, inline, iterable, captures, body), needs_semicolon

    def parse_capture(self) -> ast.Capture:
        """capture = [ "*" ] name ;"""
        start = self.token.span
        by_pointer = self.accept("*") is not None
        name = self.expect("identifier", "the name of the element")
        return ast.Capture(self.span_from(start), str(name.value), by_pointer)

    # ------------------------------------------------------------------------------------ jumps

    def parse_return(self) -> Open:
        """return = "return" [ expression ] ;"""
        start = self.advance().span
        value = None if self._at_end_of_jump() else self.parse_expression()
        return ast.Return(self.span_from(start), value), True

    def parse_break(self) -> Open:
        """break = "break" [ ":" name ] [ expression ] ;"""
        start = self.advance().span
        label = self._jump_label()
        value = None if self._at_end_of_jump() else self.parse_expression()
        return ast.Break(self.span_from(start), label, value), True

    def parse_continue(self) -> Open:
        """continue = "continue" [ ":" name ] ;"""
        start = self.advance().span
        label = self._jump_label()
        return ast.Continue(self.span_from(start), label), True

    def parse_stray_else(self) -> Open:
        """stray_else = "else" ;  (always an error)"""
        hint = "; the statement before 'else' has no ';'" if self.previous.kind == ";" else ""
        raise self.error(self.token.span, f"'else' without 'if'{hint}")

    def _jump_label(self) -> str | None:
        if not self.accept(":"):
            return None
        return str(self.expect("identifier", "a label after ':'").value)

    def _at_end_of_jump(self) -> bool:
        return self.at(";", "else", ",", "}")

    _STATEMENTS: ClassVar[dict[str, Callable[..., Open]]] = {
        "{": parse_block_statement,
        "const": parse_variable_statement,
        "var": parse_variable_statement,
        "comptime": parse_comptime_statement,
        "if": parse_if,
        "switch": parse_switch,
        "while": parse_loop,
        "for": parse_loop,
        "inline": parse_loop,
        "return": parse_return,
        "break": parse_break,
        "continue": parse_continue,
        "else": parse_stray_else,
    }


_NAMES = {
    ast.Assign: "the assignment",
    ast.ExprStmt: "the expression",
    ast.Return: "'return'",
    ast.Break: "'break'",
    ast.Continue: "'continue'",
}
"""What a missing `;` should stand after."""
