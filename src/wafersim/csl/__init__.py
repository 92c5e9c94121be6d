"""Compiler front end: CSL text to typed PE programs."""
