"""Git's modes of what a tree holds, as its octal strings."""

FILE = "100644"
EXECUTABLE = "100755"
LINK = "120000"
GITLINK = "160000"
# A side of a change on which the path does not exist.
ABSENT = "000000"
