"""Recognition of out-of-memory errors without importing torch."""


def is_out_of_memory(error: BaseException) -> bool:
    """Recognize Python's error and torch's: a class on GPUs, a message on CPUs."""
    from_torch = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and from_torch)
