"""What a path becomes where file systems are kinder than git: two paths with one folded form may be one file."""

import re
import unicodedata

_TRIMMABLE = re.compile(r"[. ](?:/|\Z)|:")


def fold(path: str) -> str:
    """The path as case-insensitive, normalising, dot-trimming file systems may read it.

    NFKC and case folding, format characters (zero-width, bidi) dropped, backslashes as slashes; of each segment, the
    name of a stream or attribute (``secrets::$INDEX_ALLOCATION`` opens ``secrets`` on NTFS) and trailing dots and
    spaces dropped. Rules that forbid a path must match both the path and its folded form (against a folded pattern); a
    fold never widens what a rule allows.
    """
    folded = (path.lower() if path.isascii() else _fold_unicode(path)).replace("\\", "/")
    if not _TRIMMABLE.search(folded):
        return folded
    return "/".join(_trim(segment) for segment in folded.split("/"))


def _fold_unicode(text: str) -> str:
    """For text that is plain ASCII this is ``lower``, which nearly every path takes."""
    visible = "".join(char for char in text if unicodedata.category(char) != "Cf")
    # Folding twice: NFKC can bring back capitals, and case folding can denormalise.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold()).casefold()


def _trim(segment: str) -> str:
    name = segment.partition(":")[0] or segment
    return name if name in {".", ".."} else name.rstrip(". ") or name
