"""Telling want of memory from other errors, without importing who raised it."""


def is_out_of_memory(error: BaseException) -> bool:
    """Python's own, or torch's: a class on GPUs, a sentence on CPUs."""
    told = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and told)
