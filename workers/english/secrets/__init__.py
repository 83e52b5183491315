"""Recognize text that must not be quoted: passwords, keys, private numbers, telephone numbers, e-mail addresses."""

from workers.english.secrets.lines import is_secret, without_secrets

__all__ = ["is_secret", "without_secrets"]
