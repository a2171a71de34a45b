"""Where the starter policies are: in the installed package, or in the source tree."""

from importlib.resources import files
from pathlib import Path


def starter_policies() -> Path:
    """The folder with the starter bundle."""
    packaged = Path(str(files("deputy"))) / "starter_policies"
    return packaged if packaged.is_dir() else Path(__file__).parents[4] / "policies"
