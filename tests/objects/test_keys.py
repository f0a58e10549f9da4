"""The secret keys: made once, kept to their owner, and rotated without breaking what was signed."""

import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from syndb_graphql.errors import SettingsError
from syndb_graphql.objects.keys import load_secret_keys, sign, verify

OLD, NEW = b"old key of thirty-two characters", b"new key of thirty-two characters"


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_configured_keys_are_used_and_nothing_is_written(tmp_path):
    assert load_secret_keys((NEW.decode(), OLD.decode()), tmp_path / "data") == (NEW, OLD)
    assert not (tmp_path / "data").exists()


def test_without_any_a_key_is_made_once_and_kept_to_its_owner(tmp_path):
    folder = tmp_path / "new" / "data"
    (key,) = load_secret_keys((), folder)
    assert len(bytes.fromhex(key.decode())) == 32
    assert mode_of(folder / "secret-keys") == 0o600
    assert load_secret_keys((), folder) == (key,)
    assert [path.name for path in folder.iterdir()] == ["secret-keys"]


def test_the_kept_key_may_be_moved_into_the_settings(tmp_path):
    kept = load_secret_keys((), tmp_path)
    line = (tmp_path / "secret-keys").read_text().strip()
    assert load_secret_keys((line,), tmp_path / "elsewhere") == kept


@pytest.mark.parametrize("attempt", range(10))
def test_those_that_start_together_get_the_same_key(tmp_path, attempt):
    start = threading.Barrier(4)

    def load(_):
        start.wait(30)
        return load_secret_keys((), tmp_path)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(load, range(4)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret-keys"]


def test_processes_that_start_together_get_the_same_key(tmp_path):
    program = (
        "import pathlib, sys; from syndb_graphql.objects.keys import load_secret_keys;"
        "print(load_secret_keys((), pathlib.Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    assert len({process.communicate(timeout=30)[0] for process in processes}) == 1
    assert [process.returncode for process in processes] == [0, 0, 0]


def test_several_lines_are_several_keys_the_first_of_which_signs(tmp_path):
    path = tmp_path / "secret-keys"
    path.write_bytes(NEW + b"\r\n\n" + OLD)
    path.chmod(0o600)
    assert load_secret_keys((), tmp_path) == (NEW, OLD)


def test_a_file_that_others_may_read_is_narrowed_and_said(tmp_path, caplog):
    kept = load_secret_keys((), tmp_path)
    (tmp_path / "secret-keys").chmod(0o644)
    assert load_secret_keys((), tmp_path) == kept
    assert mode_of(tmp_path / "secret-keys") == 0o600
    assert "could be read by others (mode 0644)" in caplog.text


@pytest.mark.parametrize("content", [b"", b"\n\n", b"short\n", OLD + b"\nshort\n"])
def test_a_damaged_file_is_an_error_with_its_remedy(tmp_path, content):
    path = tmp_path / "secret-keys"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match=r"at least 32\. Restore the file, or remove it"):
        load_secret_keys((), tmp_path)


def test_a_folder_that_cannot_hold_the_file_is_an_error_with_its_remedy(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(SettingsError, match="or set SYNDB_SECRET_KEYS"):
        load_secret_keys((), tmp_path / "data")


def test_a_signature_holds_for_its_message_and_its_purpose_alone():
    signature = sign((NEW,), "link", b"message")
    assert len(signature) == 43
    assert verify((NEW,), "link", b"message", signature)
    assert not verify((NEW,), "cursor", b"message", signature)
    assert not verify((NEW,), "link", b"massage", signature)
    assert not verify((OLD,), "link", b"message", signature)


@pytest.mark.parametrize("signature", ["", "=", "é" * 43, "\ud800", "A" * 43, "A" * 100_000])
def test_what_is_no_signature_does_not_verify(signature):
    assert not verify((NEW, OLD), "link", b"message", signature)


def test_the_first_key_signs_and_all_verify():
    before = sign((OLD,), "cursor", b"m")
    after = sign((NEW, OLD), "cursor", b"m")
    assert after == sign((NEW,), "cursor", b"m") != before
    assert verify((NEW, OLD), "cursor", b"m", before)
    assert verify((NEW, OLD), "cursor", b"m", after)
    assert not verify((NEW,), "cursor", b"m", before)
