"""The contributor's folder: nothing outside of it is read, whatever a table or a setting names."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from syndb_graphql.ingest.report import BadFile

MAX_PATH = 1000


def inside(folder: Path, name: str) -> Path:
    """The regular file `name` (relative, with `/`) below `folder`. Raises BadFile if it is not there or not below."""
    remedy = "Put the file into the data set's folder and give its path from there, with /."
    windows = PureWindowsPath(name)
    if PurePosixPath(name).is_absolute() or windows.drive or windows.root:
        raise BadFile("outside-folder", f"'{name}' is no path within the folder.", remedy, value=name)
    if len(name) > MAX_PATH or "\0" in name:
        raise BadFile("file-missing", f"'{name[:MAX_PATH]}' is no path of a file.", remedy, value=name)
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise BadFile("outside-folder", f"'{name}' leads out of the folder.", remedy, value=name)
        if not path.is_file():
            what = "is no regular file" if path.exists() else "does not exist"
            raise BadFile("file-missing", f"'{name}' {what}.", remedy, value=name)
    except (OSError, RuntimeError) as error:
        raise BadFile("file-missing", f"'{name}' cannot be reached: {error}.", remedy, value=name) from error
    return path
