"""Results are written whole or not at all, whatever happens on the way."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sekisho.app import output
from sekisho.app.output import MANIFEST, OutputFolder
from sekisho.domain.errors import OutputFailed


def write(out: Path, **files: str) -> None:
    with OutputFolder(out) as folder:
        for stem, text in files.items():
            (folder / f"{stem}.json").write_text(text)


def contents(folder: Path) -> dict[str, str]:
    """Every visible file below ``folder`` with its text."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def only_out_remains(out: Path) -> bool:
    return [entry.name for entry in out.parent.iterdir()] == [out.name]


def test_writes_into_a_new_folder_with_missing_parents(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b" / "out"
    write(out, findings="1")
    assert contents(out) == {"findings.json": "1"}
    assert only_out_remains(out)


def test_uses_an_empty_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    write(out, findings="1")
    assert contents(out) == {"findings.json": "1"}


def test_nothing_is_seen_before_the_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with OutputFolder(out) as folder:
        (folder / "findings.json").write_text("1")
        assert not out.exists()
    assert out.is_dir()


@pytest.mark.parametrize("can_swap", [True, False])
def test_replaces_an_earlier_result_and_keeps_what_a_person_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_swap: bool
) -> None:
    if not can_swap:
        monkeypatch.setattr(output, "_exchange", lambda *_: False)
    out = tmp_path / "out"
    write(out, findings="old", rejected="old rejects")
    (out / "answers").mkdir()
    (out / "answers" / "acquirer.txt").write_text("we will ask")
    write(out, findings="new")
    assert contents(out) == {"findings.json": "new", "answers/acquirer.txt": "we will ask"}
    assert only_out_remains(out)
    write(out, findings="newest")
    assert contents(out)["answers/acquirer.txt"] == "we will ask"


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(3)])
def test_an_exception_leaves_the_earlier_result_and_passes_through(
    tmp_path: Path, error: BaseException
) -> None:
    out = tmp_path / "out"
    write(out, findings="old")

    def fail() -> None:
        with OutputFolder(out) as folder:
            (folder / "findings.json").write_text("new")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert contents(out) == {"findings.json": "old"}
    assert only_out_remains(out)


def test_a_second_step_that_fails_puts_the_earlier_result_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write(out, findings="old")
    monkeypatch.setattr(output, "_exchange", lambda *_: False)
    real = Path.rename

    def fail_for_partial(self: Path, target: Path) -> Path:
        if ".partial-" in self.name:
            raise OSError(errno.EIO, "broken")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_partial)
    with pytest.raises(OutputFailed):
        write(out, findings="new")
    assert contents(out) == {"findings.json": "old"}
    assert only_out_remains(out)


def test_refuses_a_folder_with_other_things_in_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "holiday.jpg").write_text("photo")
    with pytest.raises(OutputFailed, match=r"holiday\.jpg") as caught:
        write(out, findings="1")
    assert caught.value.hint
    assert contents(out) == {"holiday.jpg": "photo"}


def test_refuses_a_file_and_a_mount_point(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("text")
    with pytest.raises(OutputFailed, match="is a file"):
        write(target, findings="1")
    with pytest.raises(OutputFailed, match="mount point"):
        write(Path("/"), findings="1")


def test_a_disk_that_is_full_is_a_clear_error(tmp_path: Path) -> None:
    """A real full disk where the machine allows a small one to be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk is not permitted here")
    try:
        out = disk / "out"
        write(out, findings="old")
        with (
            pytest.raises(OutputFailed, match="No space left") as caught,
            OutputFolder(out) as folder,
        ):
            (folder / "findings.json").write_bytes(b"x" * 200_000)
        assert "space" in caught.value.hint
        assert contents(out) == {"findings.json": "old"}
        assert only_out_remains(out)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_write_that_really_fails_is_a_clear_error(tmp_path: Path) -> None:
    """The file size limit makes the system refuse a real write, on any machine."""
    out = tmp_path / "out"
    write(out, findings="old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OutputFailed, match="too large"), OutputFolder(out) as folder:
            (folder / "findings.json").write_bytes(b"x" * 200_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert contents(out) == {"findings.json": "old"}
    assert only_out_remains(out)


def test_an_engine_that_wraps_the_system_error_is_understood(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(OutputFailed), OutputFolder(out):
        raise RuntimeError("IO Error: could not write: No space left on device")
    assert not out.exists()


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFailed, match="could not be written"):
        write(tmp_path / "file" / "out", findings="1")


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from sekisho.app.output import OutputFolder
    with OutputFolder(Path(sys.argv[1])) as folder:
        (folder / "findings.json").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_leaves_the_earlier_result_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, findings="old")
    source = str(Path(output.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(out)],
        env={**os.environ, "PYTHONPATH": source},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert contents(out) == {"findings.json": "old"}
    assert not only_out_remains(out), "a killed process cannot clean up"
    write(out, findings="new")
    assert contents(out) == {"findings.json": "new"}
    assert only_out_remains(out)


def test_a_living_run_beside_this_one_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with OutputFolder(out) as first:
        (first / "findings.json").write_text("first")
        write(out, findings="second")
        assert (first / "findings.json").read_text() == "first"
        assert contents(out) == {"findings.json": "second"}
    assert contents(out) == {"findings.json": "first"}
