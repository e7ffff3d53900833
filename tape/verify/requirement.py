"""What verification needs beyond the engine: hypothesis."""

try:
    import hypothesis as hypothesis
except ImportError as error:
    raise ImportError(
        "tape.verify draws its inputs with hypothesis, which is not installed; install it with "
        "pip install 'noise2noise-tape[verify]' or pip install 'hypothesis>=6.120'"
    ) from error
