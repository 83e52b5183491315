"""The words by which sessions are found."""

from typing import Any

from django.db import models
from django.db.models.lookups import Lookup

from forge.models.accounts import Account
from forge.models.sessions import Image, Session


class ImageWords(models.Model):
    """The distinct words of an image's metadata and file names, in lower case with spaces between.

    A narrow table of its own: SQLite reads the account's rows of it for a search, PostgreSQL has a GIN index over it
    (migration 0015, docs/decisions/0032-corrections-and-search.md).
    """

    image = models.OneToOneField(Image, on_delete=models.CASCADE, primary_key=True, related_name="words")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    words = models.TextField()

    class Meta:
        verbose_name_plural = "image words"

    def __str__(self) -> str:
        return self.words


@models.TextField.register_lookup
class HasPrefixes(Lookup):
    """Match a text of words where each of the given words begins one of them."""

    lookup_name = "has_prefixes"
    prepare_rhs = False
    can_use_none_as_rhs = False

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, params = self.process_lhs(compiler, connection)
        sql = " AND ".join([f"' ' || {column} LIKE %s"] * len(self.rhs))
        return f"({sql})", [*params * len(self.rhs), *(f"% {word}%" for word in self.rhs)]

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, params = self.process_lhs(compiler, connection)
        query = " & ".join(f"'{word}':*" for word in self.rhs)
        return f"array_to_tsvector(string_to_array({column}, ' ')) @@ %s::tsquery", [*params, query]
