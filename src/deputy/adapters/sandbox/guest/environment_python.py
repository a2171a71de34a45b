"""Writes ``runtime.tar``: this Python with what process 1 needs of it, able to run where nothing else is.

It runs inside the default sandbox image, with that image's Python; standard library only. The archive holds the
interpreter, its loader and C library, and a part of the standard library. It works in images with another C library or
with none.
"""

# Plain paths of a program that runs in a sandbox.
# ruff: noqa: PTH114, PTH118, PTH119, PTH120

import importlib
import os
import re
import sys
import sysconfig
import tarfile

ROOT = "opt/deputy/runtime"
# Left out: process 1 does not need OpenSSL, which is larger than all the rest.
for _absent in ("_hashlib", "_ssl"):
    sys.modules[_absent] = None  # type: ignore[assignment]
NEEDED = (
    *("array", "bisect", "collections", "contextlib", "ctypes", "encodings.idna", "errno", "fcntl", "hashlib", "json"),
    *("math", "mmap", "os", "pathlib", "pickle", "random", "re", "resource", "select", "selectors", "shutil", "signal"),
    *("socket", "stat", "struct", "subprocess", "tempfile", "threading", "time", "traceback", "typing", "zlib"),
    *("_md5", "_sha1", "_sha2", "_sha256", "_sha512", "_sha3", "_blake2", "_posixsubprocess", "unicodedata"),
)
LEFT_OUT = re.compile(
    r"/(__pycache__|test|tests|idlelib|tkinter|turtledemo|lib2to3|ensurepip|pydoc_data|site-packages|dist-packages"
    r"|distutils|config-[^/]*|lib-dynload|sqlite3|curses|dbm|unittest|asyncio|xml|xmlrpc|wsgiref|multiprocessing"
    r"|concurrent|email|http|html|venv|zoneinfo|msilib|tomllib)(/|$)"
)


def main() -> None:
    """Write the archive into the current folder."""
    loaded = _import(NEEDED)
    library = os.path.realpath(sysconfig.get_path("stdlib"))
    home = f"{ROOT}/lib/python{sys.version_info[0]}.{sys.version_info[1]}"
    with tarfile.open("runtime.tar", "w") as archive:
        for path in _mapped():
            if re.search(r"/ld[-.][^/]*$", path):
                _add(archive, path, f"{ROOT}/ld.so")
                continue
            for name in _names(path):
                _add(archive, path, f"{ROOT}/lib/{name}")
        _add(archive, os.path.realpath(sys.executable), f"{ROOT}/bin/python3")
        for extension in loaded:
            _add(archive, extension, f"{home}/lib-dynload/{os.path.basename(extension)}")
        for folder, _, files in os.walk(library):
            inner = folder[len(library) :]
            for file in files if not LEFT_OUT.search(inner + "/") else ():
                if file.endswith(".py"):
                    _add(archive, os.path.join(folder, file), f"{home}{inner}/{file}")


def _import(names: tuple[str, ...]) -> list[str]:
    """Import those that this Python has; returns the files of all extension modules that were loaded."""
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    files = (getattr(module, "__file__", None) or "" for module in list(sys.modules.values()))
    return sorted({file for file in files if file.endswith(".so")})


def _mapped() -> list[str]:
    """The shared libraries of this process with its loader, without extension modules."""
    with open("/proc/self/maps", encoding="utf-8") as maps:  # noqa: PTH123
        paths = {line.split(maxsplit=5)[5].strip() for line in maps if len(line.split(maxsplit=5)) > 5}  # noqa: PLR2004
    libraries = {path for path in paths if re.search(r"/(lib|ld)[^/]*\.so[.0-9]*$", path)}
    return sorted(path for path in libraries if "/lib-dynload/" not in path)


def _names(path: str) -> list[str]:
    """The names by which programs may load a library: its file's name, or those of the links to it."""
    folder = os.path.dirname(path)
    links = (name for name in os.listdir(folder) if os.path.islink(os.path.join(folder, name)))  # noqa: PTH208
    versions = (name for name in links if re.search(r"\.so\.[0-9]+$", name))
    same = [name for name in versions if os.path.realpath(os.path.join(folder, name)) == path]
    return same or [os.path.basename(path)]


def _add(archive: tarfile.TarFile, path: str, name: str) -> None:
    info = archive.gettarinfo(os.path.realpath(path), name)
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode |= 0o444
    with open(path, "rb") as file:  # noqa: PTH123
        archive.addfile(info, file)


if __name__ == "__main__":
    main()
