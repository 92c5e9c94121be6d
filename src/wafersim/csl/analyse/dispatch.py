"""Which function handles which AST node: the table of the walk."""

from __future__ import annotations

from wafersim.csl import ast
from wafersim.csl.analyse import calls, choices, control, expr, literals, loops, places, statements, type_expr

EXPRESSIONS = {
    ast.IntLit: literals.int_lit,
    ast.FloatLit: literals.float_lit,
    ast.StringLit: literals.string_lit,
    ast.BoolLit: literals.bool_lit,
    ast.UndefinedLit: literals.undefined_lit,
    ast.EnumLit: literals.enum_lit,
    ast.StructLit: literals.struct_lit,
    ast.TupleLit: literals.tuple_lit,
    ast.ArrayLit: literals.array_lit,
    ast.UnreachableExpr: expr.unreachable,
    ast.AsmExpr: expr.asm,
    ast.Ident: expr.ident,
    ast.Unary: expr.unary,
    ast.Binary: expr.binary,
    ast.Deref: expr.deref,
    ast.Member: expr.member,
    ast.Index: expr.index,
    ast.ComptimeExpr: expr.comptime_expr,
    ast.Call: calls.call,
    ast.BuiltinCall: calls.builtin_call,
    ast.IfExpr: control.if_expr,
    ast.SwitchExpr: choices.switch_expr,
    ast.BlockExpr: control.block_expr,
    ast.TensorAccess: places.tensor_access,
    ast.ArrayTypeExpr: type_expr.array_type,
    ast.PointerTypeExpr: type_expr.pointer_type,
    ast.FnTypeExpr: type_expr.fn_type,
    ast.StructTypeExpr: type_expr.struct_type,
    ast.EnumTypeExpr: type_expr.enum_type,
}

STATEMENTS = {
    ast.Block: control.block,
    ast.ComptimeStmt: statements.comptime_stmt,
    ast.ExprStmt: statements.expr_stmt,
    ast.Assign: statements.assign,
    ast.VarDecl: statements.var_decl,
    ast.Return: statements.return_stmt,
    ast.If: control.if_stmt,
    ast.While: loops.while_stmt,
    ast.For: loops.for_stmt,
    ast.Switch: choices.switch_stmt,
    ast.Break: control.break_stmt,
    ast.Continue: control.continue_stmt,
    loops._Body: loops.element_body,
}
