"""The machine that was measured on, without its name."""

import os
import platform
import subprocess
from pathlib import Path

import docker
import docker.errors


def machine(folder: Path) -> dict[str, str]:
    """Cores, memory, kernel, Python, engine, and the file system that the databases lie on."""
    return {
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1024**3:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": platform.python_version(),
        "engine": _engine(),
        "file system": _file_system(folder),
        "load at start": f"{os.getloadavg()[0]:.1f}",
    }


def _engine() -> str:
    try:
        client = docker.from_env()
        told = client.version()["Version"], client.info().get("Driver", "")
        client.close()
    except docker.errors.DockerException:
        return "none"
    return f"Docker {told[0]}, {told[1]}"


def _file_system(folder: Path) -> str:
    done = subprocess.run(["df", "--output=fstype", str(folder)], capture_output=True, text=True, check=False)
    return (done.stdout.split() or ["unknown"])[-1]
