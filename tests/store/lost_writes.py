"""A disk that forgets what was not synced: an SQLite VFS that copies a file to a mirror folder only when SQLite syncs it.

Killing a process leaves the kernel's page cache alone; the mirror is what a power cut leaves at that instant.
"""

import _sqlite3
import ctypes
import os
import shutil
from pathlib import Path
from typing import Any

_Open = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_int)
)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_METHODS = 19  # a version and 18 functions
_SYNC = 5  # the version, xClose, xRead, xWrite, xTruncate, xSync


class _Vfs(ctypes.Structure):
    """struct sqlite3_vfs, as far as it is changed here; the functions after xOpen are copied as they are."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", _Open),
        ("rest", ctypes.c_void_p * 15),
    )


_kept: list[Any] = []  # what SQLite points to must live as long as the process


def mirror_synced(folder: Path) -> None:
    """From now on every connection of this process opens its files through the mirroring VFS."""
    library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    library.sqlite3_vfs_find.restype = ctypes.c_void_p
    library.sqlite3_vfs_find.argtypes = (ctypes.c_char_p,)
    library.sqlite3_vfs_register.argtypes = (ctypes.c_void_p, ctypes.c_int)
    original = library.sqlite3_vfs_find(None)
    real = _Vfs.from_address(original)
    paths: dict[int, Path] = {}
    tables: dict[int, Any] = {}
    real_sync: dict[int, Any] = {}

    def sync(file: int, flags: int) -> int:
        result = int(real_sync[ctypes.c_void_p.from_address(file).value or 0](file, flags))
        path = paths.get(file)
        if path is not None and path.is_file():
            waiting = folder / f".{path.name}"
            shutil.copyfile(path, waiting)
            os.replace(waiting, folder / path.name)  # noqa: PTH105 - one call, between two syncs
        return result

    synced = _Sync(sync)

    def opened(_vfs: int, name: int, file: int, flags: int, out: Any) -> int:
        result = int(real.open(original, name, file, flags, out))
        methods = ctypes.c_void_p.from_address(file).value
        if result == 0 and methods:
            if methods not in tables:
                table = (ctypes.c_void_p * _METHODS).from_buffer_copy(ctypes.string_at(methods, 8 * _METHODS))
                ours = ctypes.addressof(table)
                real_sync[ours] = _Sync(table[_SYNC])
                table[_SYNC] = ctypes.cast(synced, ctypes.c_void_p).value
                tables[methods] = table
            ctypes.c_void_p.from_address(file).value = ctypes.addressof(tables[methods])
            if name:
                paths[file] = Path(os.fsdecode(ctypes.string_at(name)))
        return result

    ours = _Vfs.from_buffer_copy(ctypes.string_at(original, ctypes.sizeof(_Vfs)))
    ours.name, ours.next, ours.open = b"mirror", None, _Open(opened)
    _kept.extend((library, ours, synced, ours.open, opened, sync, tables, real_sync))
    if library.sqlite3_vfs_register(ctypes.addressof(ours), 1) != 0:
        raise OSError("SQLite did not take the mirroring VFS")
