"""python -m site_gen SOURCE TARGET"""

import sys
from pathlib import Path

from site_gen.pages import render


def main(source: str, target: str) -> None:
    out = Path(target)
    out.mkdir(parents=True, exist_ok=True)
    for page in sorted(Path(source).glob("*.md")):
        (out / f"{page.stem}.html").write_text(render(page.read_text()))


if __name__ == "__main__":
    main(*sys.argv[1:3])
