"""Expressions and type expressions: the lower half of the parser.

Types are expressions. The one difference: where a block follows a type (`fn f() T { ... }`), the brace
must not be read as the start of a literal `T{ ... }`; `parse_type` sees to that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

from wafersim.csl import ast
from wafersim.csl.cursor import TokenCursor
from wafersim.csl.lexer import Token
from wafersim.csl.source import Span

PRECEDENCE = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">="), 3),
    **dict.fromkeys(("&", "^", "|"), 4),
    **dict.fromkeys(("<<", ">>"), 5),
    **dict.fromkeys(("+", "-"), 6),
    **dict.fromkeys(("*", "/", "%"), 7),
}
"""Binary operators, weakest first. Comparisons do not chain."""

COMPARISON = 3

NOT_OPERATORS = {"&&": "'and'", "||": "'or'", "++": "'@strcat' for strings or '+= 1' to count"}
"""What people write by habit, and what to write instead."""


Item = TypeVar("Item")


class ExprParser(TokenCursor):
    """Parse functions for expressions; `parse_block` comes from the statement parser."""

    _literal_allowed = True
    """May a brace behind an operand start a literal?"""

    def parse_block(self, label: Token | None = None) -> ast.Block:
        raise NotImplementedError

    def parse_case(self) -> ast.SwitchCase:
        raise NotImplementedError

    # ---------------------------------------------------------------------------------- operators

    def parse_expression(self) -> ast.Expr:
        """expression = binary ;"""
        with self.nested():
            return self.parse_binary(1)

    def parse_binary(self, weakest: int) -> ast.Expr:
        """binary = prefix { operator prefix } ;
        operator = "or" | "and" | "==" | "!=" | "<" | ">" | "<=" | ">=" | "&" | "^" | "|" | "<<" | ">>"
        | "+" | "-" | "*" | "/" | "%" ;
        """
        left = self.parse_prefix()
        chain = 0
        while (strength := PRECEDENCE.get(self.token.kind, 0)) >= weakest:
            chain += 1
            self.check_chain(chain)
            operator = self.advance()
            right = self.parse_binary(strength + 1)
            left = ast.Binary(left.span.to(right.span), operator.kind, left, right, operator.span)
            if strength == COMPARISON and PRECEDENCE.get(self.token.kind) == COMPARISON:
                raise self.error(self.token.span, "comparisons cannot be chained; use 'and'")
        if self.token.kind in NOT_OPERATORS:
            instead = NOT_OPERATORS[self.token.kind]
            raise self.error(self.token.span, f"'{self.token.kind}' is not an operator; use {instead}")
        return left

    def parse_prefix(self) -> ast.Expr:
        """prefix = ( "-" | "!" | "~" | "&" | "comptime" ) prefix | pointer_type | array_or_slice | suffixed ;"""
        kind = self.token.kind
        if kind in ("-", "!", "~", "&"):
            operator = self.advance()
            with self.nested():
                operand = self.parse_prefix()
            return ast.Unary(operator.span.to(operand.span), kind, operand)
        if kind == "comptime":
            start = self.advance().span
            with self.nested():
                operand = self.parse_prefix()
            return ast.ComptimeExpr(start.to(operand.span), operand)
        if kind == "*":
            return self.parse_pointer_type()
        if kind == "|":
            return self.parse_tensor_access()
        return self.parse_suffixed()

    def parse_suffixed(self) -> ast.Expr:
        """suffixed = primary { call | index | "." name | ".*" | literal_body } ;"""
        expr = self.parse_primary()
        chain = 0
        while True:
            chain += 1
            self.check_chain(chain)
            kind = self.token.kind
            if kind == "(":
                args = self.parse_arguments()
                expr = ast.Call(self.span_from(expr.span), expr, args)
            elif kind == "[":
                expr = self.parse_index(expr)
            elif kind == ".":
                self.advance()
                name = self.expect("identifier", "a field name or '*' after '.'")
                expr = ast.Member(self.span_from(expr.span), expr, str(name.value), name.span)
            elif kind == ".*":
                self.advance()
                expr = ast.Deref(self.span_from(expr.span), expr)
            elif kind == "{" and self._literal_allowed and _names_type(expr):
                expr = self.parse_literal_body(expr.span, expr)
            else:
                return expr

    def parse_index(self, operand: ast.Expr) -> ast.Index:
        """index = "[" expression { "," expression } "]" ;"""
        self.advance()
        indices = self._list_until("]", self.parse_expression)
        if not indices:
            raise self.error(self.previous.span, "expected an index before ']'")
        return ast.Index(self.span_from(operand.span), operand, indices)

    def parse_arguments(self) -> list[ast.Expr]:
        """call = "(" [ expression { "," expression } [ "," ] ] ")" ;"""
        self.expect("(")
        return self._list_until(")", self.parse_expression)

    # ------------------------------------------------------------------------------------ primary

    def parse_primary(self) -> ast.Expr:
        """primary = integer | float | string | name | "true" | "false" | "undefined" | "unreachable"
        | "(" expression ")" | builtin_call | dot_literal | if_expression | switch_expression | block_expression
        | array_type | function_type | struct_type | enum_type | asm_expression ;
        """
        token = self.token
        make_leaf = _LEAVES.get(token.kind)
        if make_leaf is not None:
            if token.kind == "identifier" and self.peek().kind == ":" and self.peek(2).kind == "{":
                return self.parse_block_expression()
            self.advance()
            return make_leaf(token)
        parse = self._PRIMARIES.get(token.kind)
        if parse is None:
            raise self.unexpected("an expression")
        with self.nested():
            return parse(self)

    def parse_parenthesised(self) -> ast.Expr:
        """parenthesised = "(" expression ")" ;"""
        self.advance()
        with_literals, self._literal_allowed = self._literal_allowed, True
        try:
            expr = self.parse_expression()
        finally:
            self._literal_allowed = with_literals
        self.expect(")")
        return expr

    def parse_builtin_call(self) -> ast.BuiltinCall:
        """builtin_call = "@name" call ;"""
        name = self.advance()
        if not self.at("("):
            raise self.unexpected(f"'(' after '@{name.value}'")
        args = self.parse_arguments()
        return ast.BuiltinCall(self.span_from(name.span), str(name.value), args, name.span)

    def parse_dot_literal(self) -> ast.Expr:
        """dot_literal = "." literal_body | "." name ;"""
        dot = self.advance()
        if self.at("{"):
            return self.parse_literal_body(dot.span, None)
        name = self.expect("identifier", "'{' or the name of an enum member after '.'")
        return ast.EnumLit(dot.span.to(name.span), str(name.value))

    def parse_literal_body(self, start: Span, type_expr: ast.Expr | None) -> ast.Expr:
        """literal_body = "{" [ field_init { "," field_init } | expression { "," expression } ] [ "," ] "}" ;"""
        self.advance()
        if self.at(".") and self.peek().kind == "identifier" and self.peek(2).kind == "=":
            fields = self._list_until("}", self.parse_field_init)
            return ast.StructLit(self.span_from(start), type_expr, fields)
        elements = self._list_until("}", self.parse_expression)
        span = self.span_from(start)
        if type_expr is not None and (elements or isinstance(type_expr, ast.ArrayTypeExpr)):
            return ast.ArrayLit(span, type_expr, elements)
        return ast.TupleLit(span, elements) if elements else ast.StructLit(span, type_expr, [])

    def parse_field_init(self) -> ast.FieldInit:
        """field_init = "." name "=" expression ;"""
        dot = self.expect(".", "'.' and a field name")
        name = self.expect("identifier", "a field name")
        self.expect("=", f"'=' after '.{name.value}'")
        value = self.parse_expression()
        return ast.FieldInit(dot.span.to(value.span), str(name.value), value)

    def parse_if_expression(self) -> ast.IfExpr:
        """if_expression = "if" condition expression [ "else" expression ] ;"""
        start = self.advance().span
        condition = self.parse_condition()
        then = self.parse_expression()
        otherwise = self.parse_expression() if self.accept("else") else None
        return ast.IfExpr(self.span_from(start), condition, then, otherwise)

    def parse_condition(self) -> ast.Expr:
        """condition = "(" expression ")" ;"""
        keyword = self.previous.kind
        if not self.at("("):
            raise self.unexpected(f"'(' after '{keyword}'")
        return self.parse_parenthesised()

    def parse_switch_expression(self) -> ast.SwitchExpr:
        """switch_expression = "switch" condition "{" [ case { "," case } [ "," ] ] "}" ;"""
        start = self.advance().span
        subject = self.parse_condition()
        self.expect("{")
        cases = self._list_until("}", self.parse_case)
        return ast.SwitchExpr(self.span_from(start), subject, cases)

    def parse_block_expression(self) -> ast.BlockExpr:
        """block_expression = [ name ":" ] block ;"""
        start = self.token.span
        label = None
        if self.at("identifier"):
            label = self.advance()
            self.advance()
        elif self.peek().kind == "." and self.peek(2).kind == "identifier" and self.peek(3).kind == "=":
            raise self.error(start, "a struct literal starts with '.{', or with its type")
        with_literals, self._literal_allowed = self._literal_allowed, True
        try:
            block = self.parse_block(label)
        finally:
            self._literal_allowed = with_literals
        return ast.BlockExpr(self.span_from(start), block)

    def parse_tensor_access(self) -> ast.TensorAccess:
        """tensor_access = "|" name { "," name } "|" "{" expression { "," expression } "}" "->" expression ;"""
        start = self.advance().span
        names = [str(token.value) for token in self._list_until("|", self._induction_variable)]
        self.expect("{", "'{' and the extents of the induction variables")
        extents = self._list_until("}", self.parse_expression)
        self.expect("->")
        body = self.parse_expression()
        if len(names) != len(extents):
            counts = f"{_count(len(names), 'induction variable')} but {_count(len(extents), 'extent')}"
            self.error(self.span_from(start), counts)
        return ast.TensorAccess(self.span_from(start), names, extents, body)

    def _induction_variable(self) -> Token:
        return self.expect("identifier", "the name of an induction variable")

    def parse_asm_expression(self) -> ast.AsmExpr:
        """asm_expression = "asm" [ "volatile" ] "(" { token } ")" ;"""
        start = self.advance().span
        self.accept("volatile")
        opening = self.expect("(")
        depth = 1
        while depth:
            if self.at("eof"):
                raise self.error(opening.span, "'(' is never closed")
            depth += {"(": 1, ")": -1}.get(self.advance().kind, 0)
        return ast.AsmExpr(self.span_from(start))

    # -------------------------------------------------------------------------------------- types

    def parse_type(self) -> ast.Expr:
        """type = prefix ;  (a brace behind it belongs to what follows)"""
        with_literals, self._literal_allowed = self._literal_allowed, False
        try:
            with self.nested():
                return self.parse_prefix()
        finally:
            self._literal_allowed = with_literals

    def parse_pointer_type(self) -> ast.PointerTypeExpr:
        """pointer_type = ( "*" | "[" "*" "]" ) [ "const" ] type ;"""
        start = self.advance().span
        many = self.previous.kind == "["
        if many:
            self.expect("*")
            self.expect("]")
        const = self.accept("const") is not None
        pointee = self.parse_type()
        return ast.PointerTypeExpr(self.span_from(start), many, const, pointee)

    def parse_array_type(self) -> ast.Expr:
        """array_type = "[" expression { "," expression } "]" type ;"""
        if self.peek().kind == "*" and self.peek(2).kind == "]":
            return self.parse_pointer_type()
        start = self.advance().span
        dimensions = self._list_until("]", self.parse_expression)
        if not dimensions:
            raise self.error(self.previous.span, "expected the size of the array before ']'")
        element = self.parse_type()
        return ast.ArrayTypeExpr(self.span_from(start), dimensions, element)

    def parse_function_type(self) -> ast.FnTypeExpr:
        """function_type = ( "fn" | "task" ) "(" [ parameter_type { "," parameter_type } ] ")" type ;"""
        keyword = self.advance()
        self.expect("(", f"'(' after '{keyword.kind}'")
        params = self._list_until(")", self.parse_parameter_type)
        result = self.parse_type()
        return ast.FnTypeExpr(self.span_from(keyword.span), params, result, keyword.kind)

    def parse_parameter_type(self) -> ast.Expr:
        """parameter_type = [ name ":" ] type ;"""
        if self.at("identifier") and self.peek().kind == ":":
            self.advance()
            self.advance()
        return self.parse_type()

    def parse_struct_type(self) -> ast.StructTypeExpr:
        """struct_type = [ "extern" | "packed" ] ( "struct" | "union" ) "{" [ field { "," field } [ "," ] ] "}" ;"""
        start = self.token.span
        layout = self.advance().kind if self.at("extern", "packed") else "auto"
        if not self.at("struct", "union"):
            raise self.unexpected(f"'struct' or 'union' after '{layout}'")
        is_union = self.advance().kind == "union"
        self.expect("{")
        fields = self._list_until("}", self.parse_field)
        return ast.StructTypeExpr(self.span_from(start), layout, is_union, fields)

    def parse_field(self) -> ast.FieldDecl:
        """field = name ":" type ;"""
        name = self.expect("identifier", "a field name")
        self.expect(":", f"':' and a type after field '{name.value}'")
        field_type = self.parse_type()
        return ast.FieldDecl(self.span_from(name.span), str(name.value), field_type)

    def parse_enum_type(self) -> ast.EnumTypeExpr:
        """enum_type = "enum" [ "(" type ")" ] "{" [ member { "," member } [ "," ] ] "}" ;"""
        start = self.advance().span
        backing = None
        if self.accept("("):
            backing = self.parse_type()
            self.expect(")")
        self.expect("{")
        members = self._list_until("}", self.parse_member)
        return ast.EnumTypeExpr(self.span_from(start), backing, members)

    def parse_member(self) -> ast.EnumMember:
        """member = name [ "=" expression ] ;"""
        name = self.expect("identifier", "the name of an enum member")
        value = self.parse_expression() if self.accept("=") else None
        return ast.EnumMember(self.span_from(name.span), str(name.value), value)

    # ------------------------------------------------------------------------------------ helpers

    def _list_until(self, closing: str, parse_item: Callable[[], Item]) -> list[Item]:
        """Items separated by commas, a last comma allowed; takes the closing token."""
        items: list[Item] = []
        with_literals, self._literal_allowed = self._literal_allowed, True
        try:
            while not self.at(closing):
                items.append(parse_item())
                if not self.accept(",") and not self.at(closing):
                    raise self.unexpected(f"',' or '{closing}'")
        finally:
            self._literal_allowed = with_literals
        self.advance()
        return items

    _PRIMARIES: ClassVar[dict] = {
        "(": parse_parenthesised,
        "builtin": parse_builtin_call,
        ".": parse_dot_literal,
        "if": parse_if_expression,
        "switch": parse_switch_expression,
        "{": parse_block_expression,
        "[": parse_array_type,
        "fn": parse_function_type,
        "task": parse_function_type,
        "struct": parse_struct_type,
        "union": parse_struct_type,
        "extern": parse_struct_type,
        "packed": parse_struct_type,
        "enum": parse_enum_type,
        "asm": parse_asm_expression,
    }


_LEAVES = {
    "identifier": lambda token: ast.Ident(token.span, token.value),
    "int": lambda token: ast.IntLit(token.span, token.value),
    "float": lambda token: ast.FloatLit(token.span, token.value),
    "string": lambda token: ast.StringLit(token.span, token.value),
    "true": lambda token: ast.BoolLit(token.span, True),
    "false": lambda token: ast.BoolLit(token.span, False),
    "undefined": lambda token: ast.UndefinedLit(token.span),
    "unreachable": lambda token: ast.UnreachableExpr(token.span),
}

_TYPE_NODES = (
    ast.Ident, ast.Member, ast.Call, ast.BuiltinCall, ast.ArrayTypeExpr, ast.StructTypeExpr, ast.Index, ast.IfExpr,
)  # fmt: skip


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _names_type(expr: ast.Expr) -> bool:
    """Can a literal body follow? Keeps `1 {` and `"text" {` from being read as one."""
    return isinstance(expr, _TYPE_NODES)
