from forge.errors import Unavailable


class StorageUnavailable(Unavailable):
    """The storage does not answer or refuses the call; `reason` is for the operator and has no secrets."""

    message = "The storage is away. Nothing was kept or charged; please try again."

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason

    def __str__(self) -> str:
        return self.reason
