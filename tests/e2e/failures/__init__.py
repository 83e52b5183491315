"""Fault injection under load: each function breaks a stack and returns when it is ready again."""
