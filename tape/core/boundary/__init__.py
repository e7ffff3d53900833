"""Where traced values meet what does not know them: numpy, numbers of Python, autograd and autocast of torch."""
