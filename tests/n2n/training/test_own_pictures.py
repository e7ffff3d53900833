import shutil
from pathlib import Path

from n2n.training.own_pictures import brought_noise, own_files, same_files
from n2n.training.settings import Settings
from tests.n2n.samples import shades


def test_the_files_of_every_kind_of_run_are_its_own(tmp_path: Path) -> None:
    one, other = shades(tmp_path / "a", 2), shades(tmp_path / "b", 2)
    (tmp_path / "scenes").mkdir()
    scene = shades(tmp_path / "scenes" / "x", 2)
    pairs = tmp_path / "pairs.npz"
    for settings, files in (
        (Settings(photos=str(one)), list(one.iterdir())),
        (Settings(captures=(str(one), str(other))), [*one.iterdir(), *other.iterdir()]),
        (Settings(bursts=str(tmp_path / "scenes")), list(scene.iterdir())),
        (Settings(tensors=str(pairs)), [pairs]),
        (Settings(), []),
        (Settings(photos="/nowhere"), []),
    ):
        assert set(own_files(settings)) == set(files)
        assert brought_noise(settings) == (settings.photos is None and bool(files))


def test_the_same_files_are_known_by_their_bytes(tmp_path: Path) -> None:
    one = shades(tmp_path / "a", 3)
    (tmp_path / "b").mkdir()
    shutil.copy(one / "p1.png", tmp_path / "b" / "renamed.png")
    (tmp_path / "b" / "other.png").write_bytes((one / "p1.png").read_bytes()[:-1] + b"x")
    found = same_files(sorted((tmp_path / "b").iterdir()), [*one.iterdir(), tmp_path / "missing.png"])
    assert [path.name for path in found] == ["renamed.png"]
