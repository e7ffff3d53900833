"""What a microbatch has freed is there for the next one, without the system's help."""

import platform
import subprocess
import sys

import pytest

# A block is written to twice: of new pages the system hears, of old ones it hears nothing.
PROGRAM = """
import resource, torch, tape

def new_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(7 << 20)  # 28 MB, freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

tape.microbatch(lambda w, x: (w * x).sum(), 1, "sum")(torch.ones(()), torch.ones(2))
print(new_pages(), new_pages())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have other ways")
def test_freed_memory_is_kept() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=120)
    first, second = map(int, run.stdout.split())
    assert second < first / 2
