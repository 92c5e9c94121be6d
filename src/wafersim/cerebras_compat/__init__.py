"""The SDK's import names for host programs.

This folder goes onto `sys.path` by `cs_python` only, so that an installed vendor client is never
shadowed. The modules below it re-export from `wafersim.runtime`.
"""
