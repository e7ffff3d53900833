from collections.abc import Iterator

import pytest
import torch

from n2n.bench.memory import Job, Peaks, measurable

CPU = torch.device("cpu")
needs_mark = pytest.mark.skipif(not measurable(CPU), reason="no high-water mark can be reset here")
MIB = 2**20


def job(contender: str, batch: int) -> Job:
    return Job("step", contender, "net4", 32, batch, 0, 1)


def picture(contender: str, side: int) -> Job:
    return Job("picture", contender, "unet", side, 1, 0, 1)


@pytest.fixture(scope="module")
def peaks() -> Iterator[Peaks]:
    with Peaks(CPU) as measuring:
        yield measuring


@needs_mark
def test_a_peak_is_what_the_step_needs_and_the_same_each_time(peaks: Peaks) -> None:
    first, again, double = (peaks(job("torch", batch)) for batch in (50, 50, 100))
    # Net4's layers put out some 37,000 float32 an image, which torch keeps, and has cotangents beside them.
    assert 50 * 37_000 * 4 < first < 50 * 4 * 37_000 * 4
    assert first == pytest.approx(again, abs=MIB)
    assert double == pytest.approx(2 * first, rel=0.1)
    assert peaks(job("tape", 50)) > 100_000


@needs_mark
def test_a_pictures_peak_grows_with_it_where_it_is_taken_whole(peaks: Peaks) -> None:
    small, large = (peaks(picture("torch channels-last", side)) for side in (128, 256))
    # Where nothing is kept for derivatives, a few of the first layers' images of 48 channels or so are left.
    assert 2 * 48 * 256**2 * 4 < large < 10 * 48 * 256**2 * 4
    assert large == pytest.approx(4 * small, rel=0.3)
    assert peaks(picture("tape", 128)) > 48 * 128**2 * 4


@needs_mark
def test_a_job_that_fails_is_an_error_and_the_next_one_is_done(peaks: Peaks) -> None:
    with pytest.raises(RuntimeError, match="memory failed"):
        peaks(job("nobody", 2))
    assert peaks(job("torch", 50)) > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_peak_on_a_gpu_grows_with_the_batch() -> None:
    with Peaks(torch.device("cuda")) as peaks:
        assert peaks(job("tape", 100)) < peaks(job("tape", 400))
